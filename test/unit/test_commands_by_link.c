/* Commands that come in by the link: who may give one, and that it arrives whole. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "http_scene.h"
#include "link/link.h"

enum { HOUR = 3600, LARGE = 1 << 20 };

static const char topology_text[] = "sip_domain = l.test\n"
                                    "central = atl.l.test\n"
                                    "pool atl.l.test { backup_pool = red.l.test\n"
                                    "database = 'atl.l.test\\RTC'\n"
                                    "machine atl.l.test { address = 127.0.0.1 } }\n"
                                    "pool red.l.test { backup_pool = atl.l.test\n"
                                    "database = 'red.l.test\\RTC'\n"
                                    "machine red.l.test { address = 127.0.0.2 } }\n";

/* The link of atl, and all that was asked of it. */
struct story {
    struct scene scene; /* its folder, with the certificates */
    struct loop *loop;
    struct topology *topology;
    struct link *atl;
    char from[FQDN_SIZE], person[64], path[64];
    char *payload;
};

/* --- what is behind the link --- */

static void answer_two_lines(struct http_request *request)
{
    http_stream_begin(request, 200, "application/x-ndjson");
    http_stream_write(request, bytes_of_text("{\"line\":1}\n\n{\"line\":2}\n"));
    http_stream_end(request);
}

static void on_command(const struct machine *from, const char *payload,
                       struct http_request *request, void *context)
{
    struct story *s = context;
    snprintf(s->from, sizeof s->from, "%s", from->fqdn);
    free_memory(s->payload);
    s->payload = xstrdup(payload);
    answer_two_lines(request);
}

static void on_person(struct http_request *request, void *context)
{
    struct story *s = context;
    snprintf(s->person, sizeof s->person, "%s", http_request_peer(request)->administrator);
    snprintf(s->path, sizeof s->path, "%s", http_request_path(request));
    answer_two_lines(request);
}

/* --- the scene --- */

static struct topology *topology_of(uint16_t port)
{
    struct faults faults = {0};
    struct topology *t = topology_read(topology_text, "topology.conf", &faults);
    assert_non_null(t);
    for (size_t i = 0; i < t->pool_count; i++)
        t->pools[i].machines[0].link_port = port;
    return t;
}

static struct link *link_of(struct story *s, const char *machine, const char *certificate)
{
    char pem[32], key[32];
    snprintf(pem, sizeof pem, "%s.pem", certificate);
    snprintf(key, sizeof key, "%s.key", certificate);
    const struct link_handlers handlers = {
        .command = on_command, .person = on_person, .context = s};
    const struct link_options options = {.loop = s->loop,
                                         .topology = s->topology,
                                         .self = topology_machine(s->topology, machine),
                                         .certificate_file = scene_file(&s->scene, pem),
                                         .private_key_file = scene_file(&s->scene, key),
                                         .authority_file = scene_file(&s->scene, "ca.pem"),
                                         .handlers = &handlers};
    struct error e = {0};
    struct link *link = link_start(&options, &e);
    assert_string_equal(e.what, "");
    return link;
}

static int set_up(void **state)
{
    struct story *s = *state = xcalloc(1, sizeof *s);
    scene_begin(&s->scene);
    const char *both = "serverAuth,clientAuth", *ann = "URI:pollux:administrator:ann";
    struct authority a = authority_new("our authority", scene_file(&s->scene, "ca.pem"));
    scene_certificate(&s->scene, &a, "atl", "DNS:atl.l.test", both, -HOUR, HOUR);
    scene_certificate(&s->scene, &a, "red", "DNS:red.l.test", both, -HOUR, HOUR);
    scene_certificate(&s->scene, &a, "ann", ann, "clientAuth", -HOUR, HOUR);
    authority_free(&a);
    s->loop = loop_new();
    s->topology = topology_of(0); /* any free port */
    s->atl = link_of(s, "atl.l.test", "atl");
    return 0;
}

static int tear_down(void **state)
{
    struct story *s = *state;
    link_stop(s->atl);
    loop_free(s->loop);
    topology_free(s->topology);
    free_memory(s->payload);
    scene_end(&s->scene);
    free_memory(s);
    return 0;
}

/* --- asking, on a thread of its own, while the loop runs --- */

struct errand {
    struct loop *loop;
    const struct link_command *command; /* or … */
    struct http_place place;            /* … this path there */
    const char *path;
    enum failure bad;
    unsigned status;
    struct error error;
    char lines[1024];
};

static void keep(void *context, struct bytes line)
{
    struct errand *errand = context;
    size_t at = strlen(errand->lines);
    snprintf(errand->lines + at, sizeof errand->lines - at, "%.*s\n", (int)line.size,
             (const char *)line.at);
}

static void quit(void *loop)
{
    loop_quit(loop);
}

static void *go(void *context)
{
    struct errand *errand = context;
    const struct http_question how = {.method = "POST",
                                      .path = errand->path,
                                      .silence_ms = PATIENCE_S * 1000,
                                      .each = keep,
                                      .context = errand};
    errand->bad = errand->command
                      ? link_command_ask(errand->command, &how, &errand->status, &errand->error)
                      : http_ask(&errand->place, &how, &errand->status, &errand->error);
    loop_post_surely(errand->loop, quit, errand->loop);
    return NULL;
}

static void run_errand(struct story *s, struct errand *errand)
{
    pthread_t other;
    errand->loop = s->loop;
    assert_int_equal(pthread_create(&other, NULL, go, errand), 0);
    loop_run(s->loop);
    pthread_join(other, NULL);
    assert_string_equal(errand->error.what, "");
    assert_int_equal(errand->bad, OK);
}

/* red asks atl with a certificate; its link and its topology are gone by then. */
static struct errand command_as(struct story *s, const char *certificate, const char *payload)
{
    struct link *red = link_of(s, "red.l.test", certificate);
    struct topology *theirs = topology_of(link_port(s->atl));
    struct link_command *command =
        link_command_new(red, topology_machine(theirs, "atl.l.test"), payload);
    topology_free(theirs);
    link_stop(red);
    struct errand errand = {.command = command};
    run_errand(s, &errand);
    link_command_free(command);
    return errand;
}

static struct errand ask_as(struct story *s, const char *certificate, const char *path)
{
    char pem[32], key[32];
    snprintf(pem, sizeof pem, "%s.pem", certificate);
    snprintf(key, sizeof key, "%s.key", certificate);
    struct errand errand = {.place = {.host = "atl.l.test",
                                      .address = "127.0.0.1",
                                      .port = link_port(s->atl),
                                      .certificate_file = scene_file(&s->scene, pem),
                                      .private_key_file = scene_file(&s->scene, key),
                                      .authority_file = scene_file(&s->scene, "ca.pem")},
                            .path = path};
    run_errand(s, &errand);
    return errand;
}

#define assert_refused(errand, sentence)                                                           \
    do {                                                                                           \
        assert_int_equal((errand).status, 403);                                                    \
        if (!strstr((errand).lines, sentence))                                                     \
            fail_msg("\"%s\" does not say \"%s\"", (errand).lines, sentence);                      \
    } while (0)

/* --- the tests --- */

static void a_command_that_is_passed_on_arrives_and_is_answered_line_by_line(void **state)
{
    struct story *s = *state;
    struct errand errand = command_as(s, "red", "{\"command\":\"Get-It\"}");
    assert_int_equal(errand.status, 200);
    assert_string_equal(errand.lines, "{\"line\":1}\n{\"line\":2}\n");
    assert_string_equal(s->from, "red.l.test");
    assert_string_equal(s->payload, "{\"command\":\"Get-It\"}");
}

static void a_command_with_a_topology_in_it_arrives_whole(void **state)
{
    struct story *s = *state;
    OWNED(free_memory) char *payload = xcalloc(1, LARGE + 1);
    memset(payload, 'x', LARGE);
    memcpy(payload, "{\"a\":\"", 6);
    memcpy(payload + LARGE - 2, "\"}", 2);
    assert_int_equal(command_as(s, "red", payload).status, 200);
    assert_string_equal(s->payload, payload);
}

static void a_machine_passes_commands_on_for_itself_only(void **state)
{
    struct story *s = *state;
    struct errand errand = command_as(s, "atl", "{}");
    assert_refused(errand, "a machine speaks only for itself");
    assert_null(s->payload);
}

static void a_person_is_let_through_to_whatever_is_below_admin(void **state)
{
    struct story *s = *state;
    struct errand errand = ask_as(s, "ann", "/admin/v1/commands/Get-It");
    assert_int_equal(errand.status, 200);
    assert_string_equal(s->person, "ann");
    assert_string_equal(s->path, "/admin/v1/commands/Get-It");
}

static void a_machine_gives_no_commands(void **state)
{
    struct story *s = *state;
    struct errand errand = ask_as(s, "red", "/admin/v1/commands/Get-It");
    assert_refused(errand, "names red.l.test, which is not a person");
    assert_string_equal(s->path, "");
}

static void a_person_speaks_for_no_machine(void **state)
{
    struct story *s = *state;
    struct errand errand = ask_as(s, "ann", "/link/v1/heartbeat");
    assert_refused(errand, "names ann, a person");
}

#define STORY(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_command_that_is_passed_on_arrives_and_is_answered_line_by_line),
        STORY(a_command_with_a_topology_in_it_arrives_whole),
        STORY(a_machine_passes_commands_on_for_itself_only),
        STORY(a_person_is_let_through_to_whatever_is_below_admin),
        STORY(a_machine_gives_no_commands),
        STORY(a_person_speaks_for_no_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
