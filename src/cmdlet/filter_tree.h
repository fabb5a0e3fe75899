/* A filter as a tree, between the one who reads it and the one who compares. */
#ifndef POLLUX_CMDLET_FILTER_TREE_H
#define POLLUX_CMDLET_FILTER_TREE_H

#include "cmdlet/filter.h"

enum filter_kind { FILTER_AND, FILTER_OR, FILTER_COMPARISON };

enum comparison {
    COMPARE_EQ,
    COMPARE_NE,
    COMPARE_LIKE,
    COMPARE_NOTLIKE,
    COMPARE_GT,
    COMPARE_GE,
    COMPARE_LT,
    COMPARE_LE,
    COMPARISONS,
};

struct filter {
    enum filter_kind kind;
    struct filter *left, *right; /* of AND and OR */
    char *property;              /* of a comparison, as the next two */
    enum comparison comparison;
    json_t *value; /* a text, true, false or null */
};

#endif
