/* Batches that were sent here, or brought: each is applied beside the loop, and answered. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pool/backup_service.h"
#include "pool/content.h"
#include "pool/importing_inside.h"
#include "pool/operating.h"
#include "pool/taking.h"

struct sent {
    struct importing *importing;
    struct store *store;
    struct content *content;
    struct link_reply *reply; /* NULL: `brought` is told */
    importing_brought_done *brought;
    void *context;
    struct buffer own;  /* the bytes of what was brought */
    struct bytes bytes; /* lent until the reply is given */
    char from[FQDN_SIZE];
    struct batch_head head; /* as the batch says: it may lie */
    uint64_t limit;  /* nothing beyond that usn is applied: its files are not here (content.h) */
    bool files_lack; /* when the batch came */
    char taken_for[HOME_NAME_SIZE]; /* the home whose partner waits with its questions; or none */
    struct applied applied;
    struct error error;
    bool answered; /* the loop's */
};

static void sent_free(struct sent *sent)
{
    buffer_free(&sent->own);
    free(sent);
}

static applying_answered on_answer;

static void work(void *context)
{
    struct sent *sent = context;
    const struct applying_sent batch = {.from = sent->from,
                                        .bytes = sent->bytes,
                                        .content = sent->content,
                                        .limit = sent->limit,
                                        .files_lack = sent->files_lack,
                                        .answered = on_answer,
                                        .context = sent};
    applying_take(sent->importing->applying, sent->store, &batch, &sent->applied, &sent->error);
}

static void reply_to(const struct sent *sent, const struct copy_answer *answer,
                     const struct error *e)
{
    if (sent->brought)
        sent->brought(e ? NULL : answer, e, sent->context);
    else if (e)
        link_reply_error(sent->reply, e);
    else
        importing_say(sent->importing, sent->head.module, sent->reply, *answer);
}

static void answer(struct sent *sent, const struct copy_answer *answer, const struct error *e)
{
    if (sent->answered)
        return;
    sent->answered = true;
    sent->importing->calls--;
    reply_to(sent, answer, e);
}

/* How it was stored, the next batch is told: so that it went well so far is noted now, and not
 * behind what becomes of that one. */
static void on_answered(void *context)
{
    struct sent *sent = context;
    importing_note(sent->importing, sent->head.home, sent->head.module, NULL);
    answer(sent, &sent->applied.answer, NULL);
}

/* What is left to do goes on meanwhile, and its end is posted behind this. */
static void on_answer(void *context)
{
    struct sent *sent = context;
    loop_post_surely(front_end_loop(sent->importing->fe), on_answered, sent);
}

static void on_worked(void *context)
{
    struct sent *sent = context;
    struct importing *importing = sent->importing;
    const struct applied *applied = &sent->applied;
    bool failed = sent->error.kind != OK;
    if (!failed && strcmp(applied->home, HOME_CENTRAL) == 0)
        backup_service_configure(front_end_backup_service(importing->fe));
    if (applied->home[0] && !sent->answered)
        importing_note(importing, applied->home, applied->module, failed ? &sent->error : NULL);
    for (int m = 0; m < MODULES && !failed; m++) {
        if (applied->complete[m])
            importing_note_complete(importing, applied->home, (enum module)m, sent->head.read_ms);
    }
    answer(sent, &applied->answer, failed ? &sent->error : NULL);
    if (applied->home[0])
        operating_look(front_end_operating(importing->fe), applied->home);
    taking_note(importing->fe, sent->taken_for, false);
    sent_free(sent);
}

/* From here on nobody else decides about the home until it is applied. */
static void begin(struct sent *sent)
{
    struct importing *importing = sent->importing;
    struct copy_answer late = {0};
    const struct batch_head *head = &sent->head;
    if (!taking_may(importing->fe, sent->from, head->home, head->term, sent->taken_for, &late)) {
        reply_to(sent, &late, NULL);
        sent_free(sent);
        return;
    }
    sent->files_lack = content_missing(sent->content, head->home) > 0;
    if (workers_run(importing->workers, work, on_worked, sent)) {
        importing->calls++;
        taking_note(importing->fe, sent->taken_for, true);
        return;
    }
    struct error e;
    importing_say_busy(importing, &e);
    reply_to(sent, NULL, &e);
    sent_free(sent);
}

/* As much of it can be applied as has its files in place. */
static void on_files_ready(uint64_t upto, const struct error *e, void *context)
{
    struct sent *sent = context;
    struct importing *importing = sent->importing;
    bool in_vain = upto < sent->head.upto && upto <= sent->head.after;
    importing->calls--;
    sent->limit = upto;
    if (!in_vain) {
        begin(sent);
        return;
    }
    if (e->kind) {
        importing_note(importing, sent->head.home, MODULE_DATA_CONF, e);
        link_reply_error(sent->reply, e);
    } else {
        importing_say(importing, MODULE_DATA_CONF, sent->reply,
                      (struct copy_answer){.verdict = COPY_EARLY}); /* it takes longer */
    }
    sent_free(sent);
}

void importing_sent(struct importing *importing, const struct machine *from, struct bytes batch,
                    struct link_reply *reply)
{
    struct batch_head head;
    struct error e;
    if (importing_put_off(importing, reply))
        return;
    if (batch_peek(batch, &head, &e)) {
        link_reply_error(reply, &e);
        return;
    }
    struct sent *sent = xcalloc(1, sizeof *sent);
    *sent = (struct sent){.importing = importing,
                          .store = front_end_store(importing->fe),
                          .content = front_end_content(importing->fe),
                          .reply = reply,
                          .bytes = batch,
                          .head = head,
                          .limit = UINT64_MAX};
    snprintf(sent->from, sizeof sent->from, "%s", from->pool->fqdn);
    if (head.module != MODULE_DATA_CONF || !importing_home_for(importing, from, head.home, &e)) {
        begin(sent);
        return;
    }
    importing->calls++;
    content_prepare(sent->content, head.home, batch, on_files_ready, sent);
}

void importing_brought(struct importing *importing, struct bytes batch,
                       importing_brought_done *done, void *context)
{
    struct sent *sent = xcalloc(1, sizeof *sent);
    struct error e;
    *sent = (struct sent){.importing = importing,
                          .store = front_end_store(importing->fe),
                          .content = front_end_content(importing->fe),
                          .brought = done,
                          .context = context,
                          .limit = UINT64_MAX};
    if (batch_peek(batch, &sent->head, &e)) {
        reply_to(sent, NULL, &e);
        sent_free(sent);
        return;
    }
    const struct hosted_home *home = front_end_home(importing->fe, sent->head.home);
    snprintf(sent->from, sizeof sent->from, "%s", home ? home_partner(hosted_home_core(home)) : "");
    buffer_raw(&sent->own, batch.at, batch.size);
    sent->bytes = buffer_view(&sent->own);
    begin(sent);
}
