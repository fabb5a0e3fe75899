#include "cmdlet/filter.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmdlet/any_case.h"
#include "cmdlet/filter_tree.h"
#include "cmdlet/property.h"

enum { NUMBER_SIZE = 32 };

void filter_free(struct filter *filter)
{
    if (!filter)
        return;
    filter_free(filter->left);
    filter_free(filter->right);
    json_decref(filter->value);
    free(filter->property);
    free(filter);
}

const char *filter_stranger(const struct filter *filter, const json_t *object)
{
    if (filter->kind == FILTER_COMPARISON)
        return property_of(object, filter->property) ? NULL : filter->property;
    const char *stranger = filter_stranger(filter->left, object);
    return stranger ? stranger : filter_stranger(filter->right, object);
}

/* --- one comparison --- */

/* As it is shown; `number` is room for it. */
static const char *text_of(const json_t *value, char number[NUMBER_SIZE])
{
    if (json_is_string(value))
        return json_string_value(value);
    if (json_is_boolean(value))
        return json_is_true(value) ? "True" : "False";
    if (json_is_integer(value))
        snprintf(number, NUMBER_SIZE, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        snprintf(number, NUMBER_SIZE, "%.15g", json_real_value(value));
    else
        number[0] = '\0';
    return number;
}

static bool is_number(const char *text, double *number)
{
    char *end;
    *number = strtod(text, &end);
    return end != text && !*end;
}

/* Below, at or above 0. */
static int order(const json_t *has, const json_t *value)
{
    char one[NUMBER_SIZE], other[NUMBER_SIZE];
    const char *wanted = text_of(value, other);
    double number;
    if (json_is_number(has) && is_number(wanted, &number))
        return (json_number_value(has) > number) - (json_number_value(has) < number);
    return any_case_compare(text_of(has, one), wanted);
}

static bool is_none(const json_t *value)
{
    return !value || json_is_null(value);
}

/* Without the negations. Nothing is equal to nothing alone, and neither above nor below. */
static bool one_fits(enum comparison comparison, const json_t *has, const json_t *value)
{
    char one[NUMBER_SIZE], other[NUMBER_SIZE];
    if (comparison == COMPARE_LIKE)
        return any_case_fits(text_of(value, other), text_of(has, one));
    if (is_none(has) || is_none(value))
        return comparison == COMPARE_EQ && is_none(has) && is_none(value);
    int where = order(has, value);
    switch (comparison) {
    case COMPARE_GT: return where > 0;
    case COMPARE_GE: return where >= 0;
    case COMPARE_LT: return where < 0;
    case COMPARE_LE: return where <= 0;
    case COMPARE_EQ:
    case COMPARE_NE:
    case COMPARE_LIKE:
    case COMPARE_NOTLIKE:
    case COMPARISONS: break;
    }
    return where == 0;
}

static bool any_fits(enum comparison comparison, const json_t *has, const json_t *value)
{
    if (!json_is_array(has))
        return one_fits(comparison, has, value);
    for (size_t i = 0; i < json_array_size(has); i++) {
        if (one_fits(comparison, json_array_get(has, i), value))
            return true;
    }
    return false;
}

static bool comparison_fits(const struct filter *filter, const json_t *object)
{
    const json_t *has = property_of(object, filter->property);
    if (filter->comparison == COMPARE_NE)
        return !any_fits(COMPARE_EQ, has, filter->value);
    if (filter->comparison == COMPARE_NOTLIKE)
        return !any_fits(COMPARE_LIKE, has, filter->value);
    return any_fits(filter->comparison, has, filter->value);
}

bool filter_fits(const struct filter *filter, const json_t *object)
{
    if (filter->kind == FILTER_COMPARISON)
        return comparison_fits(filter, object);
    bool left = filter_fits(filter->left, object);
    if (left == (filter->kind == FILTER_OR))
        return left; /* whatever the other says */
    return filter_fits(filter->right, object);
}
