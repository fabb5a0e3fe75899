#include "store/sqlite_renewal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/count.h"
#include "base/log.h"
#include "store/sqlite_beside.h"
#include "store/sqlite_look.h"
#include "store/sqlite_rescue.h"
#include "store/sqlite_spare.h"

/* What lies beside the store, and says how far it is. Each is there or not, so that whoever is
 * interrupted goes on from what is there. */
#define ASKED     ".renew"        /* empty: a new file is wanted */
#define UNDER_WAY ".renewing"     /* the new file, while it is written */
#define READY     ".renewed"      /* whole, and to be put in the place of the old one */
#define DAMAGED   ".damaged"      /* the old one, kept */
#define FAILED    ".renew-failed" /* empty: none could be made */

/* --- the new file --- */

/* Nobody reads it before it is whole and on the disk: until then nothing of it need be safe. And
 * what is sorted for it need not fit into memory. */
static const char careless[] = "PRAGMA journal_mode = OFF; PRAGMA temp_store = FILE";

static enum failure fill(struct session *from, struct session *to, const char *pool,
                         struct rescued *rescued, struct error *e)
{
    sqlite3 *old = session_of(from)->db, *new = session_of(to)->db;
    const char *path = session_of(to)->path;
    enum failure bad = sqlite_adopt(old, session_of(from)->path, pool, e);
    if (!bad)
        bad = sqlite_adopt(new, path, pool, e);
    if (!bad)
        bad = sqlite_run(new, path, careless, e);
    if (!bad)
        bad = sqlite_run(new, path, "BEGIN", e);
    if (!bad)
        bad = sqlite_rescue(from, to, rescued, e);
    return bad ? bad : sqlite_run(new, path, "COMMIT", e);
}

/* What was kept of another time goes: the one to be kept must not get the log of that. */
static enum failure make_room(const struct sqlite_engine *engine, struct error *e)
{
    static const char *const old[] = {UNDER_WAY, DAMAGED, DAMAGED LOG};
    enum failure bad = OK;
    for (size_t i = 0; !bad && i < COUNT_OF(old); i++)
        bad = beside_drop(engine, old[i], e);
    return bad ? bad : beside_create(engine, UNDER_WAY, e);
}

static enum failure make(struct sqlite_engine *engine, struct rescued *rescued, struct error *e)
{
    OWNED(free_memory) char *path = beside_path(engine, UNDER_WAY);
    OWNED(free_memory) char *off = xstrdup("OFF");
    struct sqlite_engine next = {
        .base.ops = engine->base.ops, .path = path, .vfs = engine->vfs, .synchronous = off};
    struct session *from = NULL, *to = NULL;
    enum failure bad = make_room(engine, e);
    if (!bad)
        bad = sqlite_session_open(&engine->base, false, &from, e);
    if (!bad)
        bad = sqlite_session_open(&next.base, true, &to, e);
    if (!bad)
        bad = fill(from, to, engine->pool, rescued, e);
    sqlite_session_close(to);
    sqlite_session_close(from);
    if (!bad)
        bad = beside_sync_path(path, e);
    if (!bad)
        bad = beside_move(engine, UNDER_WAY, READY, e);
    return bad ? bad : beside_sync_folder(engine, e);
}

/* From here on there is a way forward only, in steps that can be done twice. */
static enum failure put_in_place(const struct sqlite_engine *engine, struct error *e)
{
    enum failure bad = beside_drop(engine, ASKED, e);
    if (!bad)
        bad = beside_move(engine, "", DAMAGED, e);
    if (!bad)
        bad = beside_move(engine, LOG, DAMAGED LOG, e);
    if (!bad)
        bad = beside_drop(engine, LOG_INDEX, e);
    if (!bad)
        bad = beside_drop(engine, SPARE, e); /* of the old one's pages */
    if (!bad)
        bad = beside_sync_folder(engine, e);
    if (!bad)
        bad = beside_move(engine, READY, "", e);
    return bad ? bad : beside_sync_folder(engine, e);
}

static void tell(const struct sqlite_engine *engine, const struct rescued *rescued)
{
    log_event(LOG_EVENT_WARNING, "store-renewed",
              "%s is a new file now: %s could be read of the damaged one, which is kept as "
              "%s" DAMAGED ", and at least %s could not.",
              engine->path, COUNTED(rescued->items, "item"), engine->path,
              COUNTED(rescued->lost, "item"));
}

/* The old file goes on being used. A new one that is whole would be put in its place later, when
 * the old one has more: so that must go. */
static enum failure give_up(const struct sqlite_engine *engine, const struct error *why,
                            struct error *e)
{
    log_error(LOG_EVENT_ERROR, "store-damaged", why,
              "%s stays as it is: no new file could be made of it.", engine->path);
    beside_drop(engine, UNDER_WAY, NULL);
    enum failure bad = beside_drop(engine, READY, e);
    if (!bad)
        bad = beside_move(engine, ASKED, FAILED, e);
    return bad ? bad : beside_sync_folder(engine, e);
}

enum failure sqlite_renewal_carry_out(struct sqlite_engine *engine, struct error *e)
{
    struct rescued rescued = {0};
    struct error why;
    struct stat st;
    bool ready = beside_is_there(engine, READY, &st);
    bool asked = ready || beside_is_there(engine, ASKED, &st);
    /* As long as the old one is kept, something may be missing that nobody has looked for yet. */
    if (asked || beside_is_there(engine, DAMAGED, &st))
        atomic_store(&engine->base.damaged, true);
    if (!asked)
        return OK;
    if (!ready && make(engine, &rescued, &why))
        return give_up(engine, &why, e);
    enum failure bad = put_in_place(engine, e);
    if (bad)
        return bad;
    if (ready)
        log_event(LOG_EVENT_WARNING, "store-renewed",
                  "%s is a new file now, which was made before this process was interrupted.",
                  engine->path);
    else
        tell(engine, &rescued);
    return OK;
}

/* --- asking for it --- */

static enum failure check_last(const struct sqlite_engine *engine, const char *end, time_t again_s,
                               const char *what, struct error *e)
{
    struct stat st;
    if (!beside_is_there(engine, end, &st))
        return OK;
    time_t age_s = time(NULL) - st.st_ctime;
    if (age_s < 0 || age_s > again_s)
        return OK;
    fail(e, FAIL_DAMAGED, "%s is damaged; %s %s ago.", engine->path, what,
         COUNTED((uint64_t)age_s / 60, "minute"));
    if (e) {
        error_kept(e, "It stays as it is.");
        error_next(
            e,
            "Look after this machine's disk and memory (journalctl -k) before anything "
            "else; the log says what happened then. To have it tried at once, move %s%s away.",
            engine->path, end);
    }
    return FAIL_DAMAGED;
}

static enum failure check_space(const struct sqlite_engine *engine, struct error *e)
{
    struct stat file, log = {0};
    struct statvfs disk;
    if (!beside_is_there(engine, "", &file) || statvfs(engine->path, &disk) != 0)
        return beside_failed("looked at", engine->path, e);
    beside_is_there(engine, LOG, &log);
    uint64_t free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    uint64_t wanted = (uint64_t)file.st_size + (uint64_t)log.st_size;
    if (free_bytes >= wanted)
        return OK;
    fail(e, FAIL_FULL,
         "%s is to be made anew, and its disk has room for %" PRIu64 " of its %" PRIu64 " MB.",
         engine->path, free_bytes >> 20, wanted >> 20);
    if (e) {
        error_kept(e, "It stays as it is.");
        error_next(e, "Make room there; it is tried again.");
    }
    return FAIL_FULL;
}

enum failure sqlite_renew(struct session *s, struct error *e)
{
    struct sqlite_engine *engine = (struct sqlite_engine *)s->engine;
    enum failure bad = check_last(engine, DAMAGED, RENEWAL_AGAIN_S, "it was made anew", e);
    if (!bad)
        bad = check_last(engine, FAILED, RENEWAL_FAILED_AGAIN_S, "no new file could be made of it",
                         e);
    if (!bad)
        bad = check_space(engine, e);
    if (!bad)
        bad = sqlite_look(engine, LOOK_LIGHTLY, e);
    if (!bad)
        bad = beside_create(engine, ASKED, e);
    if (!bad)
        bad = beside_sync_folder(engine, e);
    if (bad)
        beside_drop(engine, ASKED, NULL);
    return bad;
}
