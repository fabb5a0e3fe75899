/* The Backup Service of one machine: exporters for what this pool holds, and the importer for what
 * it keeps copies of. */
#ifndef POLLUX_POOL_BACKUP_SERVICE_H
#define POLLUX_POOL_BACKUP_SERVICE_H

#include "pool/exporting.h"
#include "pool/importing.h"

struct backup_service;
struct content;
struct copy_marks;
struct salvaging;

enum {
    /* Packing and applying batches; both wait for the disk. */
    BACKUP_THREADS_MAX = 4,
    /* Each hosted home has at most two modules, and goes to its partner; `central` to every pool.
     */
    BACKUP_EXPORTS_MAX = HOSTED_HOMES_MAX * 2 + TOPOLOGY_POOLS_MAX,
    /* And as many again that a new topology has no use for, until what is under way has ended. */
    BACKUP_EXPORTS_KEPT_MAX = 2 * BACKUP_EXPORTS_MAX,
};

struct backup_service *backup_service_new(struct front_end *fe);
/* Is this module of the home copied at all? */
bool backup_service_copies(const char *home, enum module module);
/* Once everything around it is there. */
void backup_service_start(struct backup_service *service);
/* After the link was stopped, while the store is still there: waits for what its threads do. */
void backup_service_stop(struct backup_service *service);
/* After the store was closed, too. */
void backup_service_free(struct backup_service *service);
/* The configuration in the store changed. */
void backup_service_configure(struct backup_service *service);
/* Manifests of the home changed: where other changes of it wait a moment, these don't. */
void backup_service_content_changed(struct backup_service *service, const char *home);
/* The topology changed: pools that it has anew get their copies of `central`, those that it has no
 * more get nothing any more. Who may hold a home can't change while the machine runs. */
void backup_service_follow(struct backup_service *service);
/* A home of this pool changed its mode or term. */
void backup_service_look(struct backup_service *service);

/* Where does that pool's copy of the home stand? It said that it lost something. */
void backup_service_ask(struct backup_service *service, const char *home, const char *pool);
/* A pool's part of a home is in this term. */
void backup_service_heard(struct backup_service *service, const char *home, const char *pool,
                          struct term term);

/* What there is of this home goes to its partner now: it is about to take over. */
void backup_service_hurry(struct backup_service *service, const char *home);

/* But for those whose target has left the topology. */
size_t backup_service_exports(const struct backup_service *service,
                              struct exporting *list[BACKUP_EXPORTS_MAX]);
struct workers *backup_service_workers(struct backup_service *service);
struct content *backup_service_content(const struct backup_service *service);
struct importing *backup_service_importing(struct backup_service *service);
struct salvaging *backup_service_salvaging(const struct backup_service *service);
/* Until when the copy here had everything, of all that is copied of the home, since 1970; 0: nobody
 * knows. */
uint64_t backup_service_complete_ms(const struct backup_service *service, const char *home);
struct copy_marks *backup_service_marks(const struct backup_service *service);

#endif
