/* polluxd: one machine of a pool. */
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <systemd/sd-daemon.h>

#include "admin/admin.h"
#include "base/core_dump.h"
#include "pool/certificates.h"
#include "user/derived.h"
#include "user/leavers.h"
#include "web/web.h"

enum {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_MISUSED = 2,
    /* Connections, databases and files; the usual 1024 is less than one HTTP server may take. */
    OPEN_FILES_WANTED = 65536,
    MEMORY_KEPT_EACH = 32 << 20, /* what is larger is not kept; more the library does not allow */
    MEMORY_KEPT = 64 << 20,      /* of each arena */
    MEMORY_ARENAS = 2,
};

static const char usage[] =
    "usage: polluxd --config FILE [--check-config]\n"
    "\n"
    "Runs one machine of a pool, in the foreground. SIGTERM stops it, SIGHUP has it read its\n"
    "configuration, topology and certificates anew.\n"
    "\n"
    "  --config FILE    the machine's configuration; it names everything else\n"
    "  --check-config   only say what is wrong with the files, or what they mean\n"
    "  --version\n"
    "  --help\n";

struct arguments {
    const char *config;
    bool check;
};

/* -1: go on. Otherwise the exit status. */
static int read_arguments(int argc, char **argv, struct arguments *a)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"check-config", no_argument, NULL, 'n'},
                                            {"version", no_argument, NULL, 'v'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'c': a->config = optarg; break;
        case 'n': a->check = true; break;
        case 'v': puts("polluxd " POLLUX_VERSION); return EXIT_DONE;
        case 'h': fputs(usage, stdout); return EXIT_DONE;
        default: fputs(usage, stderr); return EXIT_MISUSED;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "polluxd: \"%s\" is not an option.\n%s", argv[optind], usage);
        return EXIT_MISUSED;
    }
    if (!a->config) {
        fprintf(stderr, "polluxd: --config FILE is missing.\n%s", usage);
        return EXIT_MISUSED;
    }
    return -1;
}

/* Before any thread starts, so that all of them inherit it: only the loop takes signals. */
static void block_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= OPEN_FILES_WANTED)
        return;
    limit.rlim_cur = limit.rlim_max < OPEN_FILES_WANTED ? limit.rlim_max : OPEN_FILES_WANTED;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log_event(LOG_EVENT_WARNING, "file-limit", "The limit on open files could not be raised.");
}

/* Threads share a few arenas, so that what one of them has freed is there for the others. */
static void share_freed_memory(void)
{
    mallopt(M_ARENA_MAX, MEMORY_ARENAS);
}

/* What is large lasts as long as a batch or a transaction, and the next one is about to need as
 * much. Left to itself the C library gives most of it back to the system in between, and page after
 * page has to be asked for again: that was a third of what a first copy took. What is made at the
 * start is there before: of large tables only those pages are taken that somebody writes to. */
static void keep_freed_memory(void)
{
    mallopt(M_MMAP_THRESHOLD, MEMORY_KEPT_EACH);
    mallopt(M_TRIM_THRESHOLD, MEMORY_KEPT);
}

static void guard_memory(void)
{
    if (!core_dump_forbid())
        log_event(LOG_EVENT_WARNING, "core-dumps",
                  "Core dumps could not be forbidden: after a crash, one may hold secrets.");
}

static void on_stop(void *context)
{
    loop_quit(context);
}

/* What a machine consists of, once it runs. */
struct parts {
    struct front_end *fe;
    struct admin *admin;
    struct web *web;
    struct leavers *leavers;
};

static void on_reload(void *context)
{
    const struct parts *parts = context;
    sd_notify(0, "RELOADING=1");
    if (front_end_reload(parts->fe))
        web_reload(parts->web);
    sd_notify(0, "READY=1");
}

/* `again`: it is to be run anew, with what its store has then. */
static int run(struct config *config, bool *again)
{
    struct error e = {0};
    char machine[FQDN_SIZE];
    snprintf(machine, sizeof machine, "%s", config->machine);
    log_set_level(config->log_level);
    struct loop *loop = loop_new();
    struct parts parts = {.fe = front_end_start(config, loop, &e)};
    if (parts.fe) {
        front_end_on_salvage(parts.fe, &user_derived);
        parts.admin = admin_start(parts.fe, loop, &e);
    }
    if (parts.admin)
        parts.web = web_start(parts.fe, loop, &e);
    bool started = parts.web != NULL;
    if (started) {
        parts.leavers = leavers_start(parts.fe, loop);
        loop_on_signal(loop, SIGTERM, on_stop, loop);
        loop_on_signal(loop, SIGINT, on_stop, loop);
        loop_on_signal(loop, SIGHUP, on_reload, &parts);
        log_event(LOG_EVENT_NOTICE, "started", "polluxd %s runs as %s.", POLLUX_VERSION, machine);
        sd_notify(0, "READY=1");
        keep_freed_memory();
        loop_run(loop);
        *again = front_end_begins_anew(parts.fe);
        sd_notify(0, *again ? "RELOADING=1" : "STOPPING=1");
    } else {
        log_error(LOG_EVENT_ERROR, "not-started", &e, "polluxd did not start.");
    }
    leavers_stop(parts.leavers);
    web_stop(parts.web);
    admin_stop(parts.admin);
    front_end_stop(parts.fe);
    loop_free(loop);
    if (started && !*again)
        log_event(LOG_EVENT_NOTICE, "stopped", "polluxd stopped.");
    return started ? EXIT_DONE : EXIT_FAILED;
}

static int check(struct config *config)
{
    OWNED(faults_free) struct faults faults = {0};
    certificates_faults(config, &faults);
    faults_print(&faults, stderr);
    if (faults.count == 0)
        config_describe(config, stdout);
    config_free(config);
    return faults.count ? EXIT_FAILED : EXIT_DONE;
}

static struct config *load(const char *file)
{
    OWNED(faults_free) struct faults faults = {0};
    struct config *config = config_load(file, &faults);
    if (!config) {
        faults_print(&faults, stderr);
        fputs("polluxd: nothing was started; mend the files, then try again.\n", stderr);
    }
    return config;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {0};
    int status = read_arguments(argc, argv, &arguments);
    if (status >= 0)
        return status;
    struct config *config = load(arguments.config);
    if (!config)
        return EXIT_FAILED;
    if (arguments.check)
        return check(config);
    block_signals();
    share_freed_memory();
    guard_memory();
    raise_file_limit();
    bool again;
    do {
        again = false;
        status = run(config, &again);
        config = again ? load(arguments.config) : NULL;
    } while (config);
    return again ? EXIT_FAILED : status;
}
