/* Texts compared in any case, as people and PowerShell do; also with those letters that only some
 * languages have, whatever the locale is. */
#ifndef POLLUX_CMDLET_ANY_CASE_H
#define POLLUX_CMDLET_ANY_CASE_H

#include <stdbool.h>

/* Below, at or above 0, as strcmp. What is not UTF-8 is compared byte by byte. */
int any_case_compare(const char *a, const char *b);

/* Does the whole text fit the pattern? '*' stands for any letters or none, '?' for one. */
bool any_case_fits(const char *pattern, const char *text);

#endif
