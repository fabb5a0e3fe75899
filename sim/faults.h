/* What goes wrong, and how it is mended again; and what administrators do meanwhile. */
#ifndef POLLUX_SIM_FAULTS_H
#define POLLUX_SIM_FAULTS_H

#include "world.h"

void faults_start(struct world *w);
/* From now on nothing goes wrong: what is broken is mended. */
void faults_end(struct world *w);

#endif
