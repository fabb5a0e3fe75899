/* What goes wrong, and how it is mended again; and what administrators do meanwhile. */
#ifndef POLLUX_SIM_FAULTS_H
#define POLLUX_SIM_FAULTS_H

#include "world.h"

void faults_start(struct world *w);
/* A copy is in the middle of a catch-up, which is over before anybody looks: now and then its
 * holder is lost just then, and it is told to take the home. */
void faults_in_catch_up(struct hosted *h);
/* From now on nothing goes wrong: what is broken is mended. */
void faults_end(struct world *w);

#endif
