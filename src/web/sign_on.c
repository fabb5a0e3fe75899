#include "web/sign_on.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/server.h"
#include "pool/credential.h"
#include "web/account_cache.h"
#include "web/digest.h"
#include "web/refusal.h"

/* --- who it is not --- */

static void challenge(struct visit *v, bool stale)
{
    static const char *const algorithms[] = {"SHA-256", "MD5"};
    const char *realm = standing_domain(v->standing);
    char nonce[NONCE_SIZE];
    nonces_issue(v->of->nonces, clock_ms(), nonce);
    for (size_t i = 0; i < COUNT_OF(algorithms); i++)
        visit_header(v,
                     "WWW-Authenticate: Digest realm=\"%s\", qop=\"auth\", algorithm=%s, "
                     "nonce=\"%s\", charset=UTF-8%s",
                     realm, algorithms[i], nonce, stale ? ", stale=true" : "");
    visit_header(v, "WWW-Authenticate: Basic realm=\"%s\", charset=\"UTF-8\"", realm);
}

static enum failure ask_who(struct visit *v, bool stale, const char *why)
{
    struct error e;
    fail(&e, FAIL_DENIED, "%s", why);
    error_kept(&e, "Nothing was done.");
    error_next(&e, "Sign on with your address and your secret.");
    visit_answer_error(v, 401, &e);
    challenge(v, stale);
    return OK;
}

static enum failure have_wait(struct visit *v, uint64_t wait_ms)
{
    struct error e;
    unsigned long long seconds = (wait_ms + 999) / 1000;
    fail(&e, FAIL_BUSY, "There were too many wrong secrets for this user, or from this address.");
    error_kept(&e, "Whether this one is right was not looked at.");
    error_next(&e, "Wait %llu s. If the secret is forgotten, an administrator sets a new one.",
               seconds);
    visit_answer_error(v, 429, &e);
    visit_header(v, "Retry-After: %llu", seconds);
    return OK;
}

/* Said to nobody but who has shown who it is. */
static enum failure keep_out(struct visit *v)
{
    struct error e;
    if (v->account.enabled) {
        fail(&e, FAIL_DENIED, "The secret of %s is locked.", v->account.address);
        error_next(&e, "An administrator can unlock it, or set a new one.");
    } else {
        fail(&e, FAIL_DENIED, "%s is disabled.", v->account.address);
        error_next(&e, "An administrator can enable the account again.");
    }
    error_kept(&e, "Nothing was done.");
    visit_answer_error(v, 403, &e);
    return OK;
}

/* --- by a secret --- */

static bool equal_in_constant_time(const char *a, const char *b)
{
    size_t size = strlen(a);
    return strlen(b) == size && CRYPTO_memcmp(a, b, size) == 0;
}

/* What the store has for nobody: no secret has these hashes that anybody knows, and comparing with
 * them takes as long as with others. */
static void take_nobodys(struct credential *c)
{
    for (int a = 0; a < CREDENTIAL_ALGORITHMS; a++) {
        int figures = a == CREDENTIAL_MD5 ? 32 : 64;
        snprintf(c->ha1[a].by_user, HA1_SIZE, "%0*d", figures, 0);
        snprintf(c->ha1[a].by_address, HA1_SIZE, "%0*d", figures, 0);
    }
}

static bool fits_digest(const struct visit *v, const struct authorization *a,
                        const struct credential *c)
{
    static const enum credential_algorithm kept_as[] = {
        [DIGEST_MD5] = CREDENTIAL_MD5, [DIGEST_SHA256] = CREDENTIAL_SHA256};
    enum credential_algorithm algorithm = kept_as[a->digest.algorithm];
    const char *ha1 =
        strchr(a->user, '@') ? c->ha1[algorithm].by_address : c->ha1[algorithm].by_user;
    return digest_fits(&a->digest, ha1, v->method);
}

static bool fits_basic(const struct visit *v, const char *address, const struct authorization *a,
                       const struct credential *c)
{
    OWNED(credential_wipe) struct credential given = {0};
    char nobody[SIP_ADDRESS_SIZE];
    snprintf(nobody, sizeof nobody, "nobody@%.200s", standing_domain(v->standing));
    struct error e;
    if (credential_make(address[0] ? address : nobody, a->secret, &given, &e))
        return false;
    return equal_in_constant_time(given.ha1[CREDENTIAL_SHA256].by_address,
                                  c->ha1[CREDENTIAL_SHA256].by_address);
}

/* Is it the user with this address ("": none can be)? All of it is done whether he exists or not.
 */
static enum failure judge(struct visit *v, const char *address, const struct authorization *a,
                          bool *good, struct error *e)
{
    OWNED(credential_wipe) struct credential credential = {0};
    uint64_t usn;
    enum failure no_account = account_read(v->view, address, &v->account, &usn, e);
    if (no_account && no_account != FAIL_NOT_FOUND)
        return no_account;
    enum failure no_secret = credential_read(v->view, address, &credential, e);
    if (no_secret && no_secret != FAIL_NOT_FOUND)
        return no_secret;
    if (no_account || no_secret)
        take_nobodys(&credential);
    bool fits = a->scheme == AUTHORIZATION_BASIC ? fits_basic(v, address, a, &credential)
                                                 : fits_digest(v, a, &credential);
    *good = fits && !no_account && !no_secret;
    return OK;
}

/* Said when somebody has to wait from now on, not each time that he is told to. */
static void note_failure(struct visit *v, const char *address, const char *account)
{
    const char *from = http_request_peer(v->request)->address;
    throttle_failed(v->of->throttle, account, from, clock_ms());
    if (throttle_wait_ms(v->of->throttle, account, from, clock_ms()))
        log_event(LOG_EVENT_WARNING, "sign-on-throttled",
                  "There were too many wrong secrets for %s, the last from %s.",
                  address[0] ? address : "names that no user has", from);
}

static enum failure by_secret(struct visit *v, const struct authorization *a, struct error *e)
{
    const char *from = http_request_peer(v->request)->address;
    char address[SIP_ADDRESS_SIZE];
    bool good = false;
    if (sip_address_read(a->user, standing_domain(v->standing), address, e))
        address[0] = '\0';
    const char *account = address[0] ? address : a->user;
    uint64_t wait_ms = throttle_wait_ms(v->of->throttle, account, from, clock_ms());
    if (wait_ms)
        return have_wait(v, wait_ms);
    if (a->scheme == AUTHORIZATION_DIGEST &&
        !digest_is_about(&a->digest, http_request_target(v->request))) {
        fail(e, FAIL_INVALID, "The authorization is for another path than the one asked for.");
        return error_kept(e, "Nothing was done.");
    }
    enum failure bad = judge(v, address, a, &good, e);
    if (bad)
        return bad;
    if (!good) {
        note_failure(v, address, account);
        return ask_who(v, false, "There is no such user, or the secret is another one.");
    }
    if (a->scheme == AUTHORIZATION_DIGEST &&
        nonces_use(v->of->nonces, a->digest.nonce, a->digest.count, clock_ms()) != NONCE_GOOD)
        return ask_who(v, true, "This proof is too old, or was used already.");
    return OK;
}

/* --- by a session --- */

/* Is it the account that the session was opened for, and does whoever has the session know its
 * secret of now? A new one is set where the old one has become known. */
static bool is_of_session(const struct known_account *known, const struct session_facts *session)
{
    return strcmp(known->account.id, session->user) == 0 &&
           strcmp(known->account.pool, session->home) == 0 &&
           known->secret.term == session->secret.term && known->secret.usn == session->secret.usn;
}

static enum failure by_token(struct visit *v, const struct authorization *a, struct error *e)
{
    struct known_account known = {0};
    enum failure bad = OK;
    v->signed_on = sessions_use(v->of->sessions, a->token, clock_ms(), &v->session);
    if (v->signed_on)
        bad = account_cache_read(v->of->accounts, v->view, v->session.address, &known, e);
    if (bad && bad != FAIL_NOT_FOUND)
        return bad;
    v->account = known.account;
    if (v->signed_on && !bad && is_of_session(&known, &v->session))
        return OK;
    if (v->signed_on)
        sessions_end(v->of->sessions, a->token, SESSION_END_ACCOUNT);
    ask_who(v, false, "This session has ended.");
    visit_header(v, "WWW-Authenticate: Bearer error=\"invalid_token\"");
    return OK;
}

/* --- both --- */

static enum failure read_header(struct visit *v, struct authorization *a, struct error *e)
{
    const char *header = visit_asked(v, "Authorization");
    if (header)
        return authorization_read(header, a, e);
    a->scheme = AUTHORIZATION_OTHER;
    return OK;
}

/* From here on the store is read: not for whoever says nothing. Where no copy of the accounts has
 * arrived yet, nobody can be told from anybody. */
static enum failure open_accounts(struct visit *v, struct error *e)
{
    struct home_state state;
    enum failure bad = store_view(v->of->store, &v->view, e);
    if (!bad)
        bad = view_home(v->view, HOME_CENTRAL, &state, e);
    if (bad != FAIL_NOT_FOUND)
        return bad;
    fail(e, FAIL_REFUSED, "%s knows no users yet.", standing_pool(v->standing));
    error_kept(e, "Nothing was done.");
    return error_next(e, "Try again shortly, or at another pool.");
}

static enum failure find_pool_asked(struct visit *v, struct error *e)
{
    v->home = standing_of(v->standing, v->pool_asked);
    if (v->home) {
        admit(v);
        return OK;
    }
    fail(e, FAIL_NOT_FOUND, "There is no pool %s here.", v->pool_asked);
    error_kept(e, "Nothing was done.");
    return error_next(e, "GET /v1/conferences says under \"elsewhere\" which others there are.");
}

static enum failure find_home(struct visit *v, struct error *e)
{
    if (v->pool_asked[0])
        return find_pool_asked(v, e);
    v->home = standing_of(v->standing, v->account.pool);
    if (v->home) {
        admit(v);
        return OK;
    }
    fail(e, FAIL_REFUSED, "The topology of %s has no pool %s, which serves %s.",
         standing_pool(v->standing), v->account.pool, v->account.address);
    error_kept(e, "Nothing was done.");
    return error_next(e, "An administrator must publish a topology that has this pool.");
}

/* A session that is open goes on with a locked secret. */
static enum failure let_in(struct visit *v, struct error *e)
{
    bool locked = v->account.pin_locked && !v->signed_on;
    return v->account.enabled && !locked ? find_home(v, e) : keep_out(v);
}

/* A later try: who it is was shown, and a proof that is good once can't be shown again. What became
 * of the account meanwhile counts all the same. */
static enum failure still_there(struct visit *v, struct error *e)
{
    struct known_account known;
    enum failure bad = open_accounts(v, e);
    if (!bad)
        bad = account_cache_read(v->of->accounts, v->view, v->account.address, &known, e);
    if (bad && bad != FAIL_NOT_FOUND)
        return bad;
    if (bad || strcmp(known.account.id, v->account.id) != 0)
        return ask_who(v, false, "This account is gone.");
    v->account = known.account;
    return let_in(v, e);
}

enum failure sign_on(struct visit *v, struct error *e)
{
    if (v->proved)
        return still_there(v, e);
    OWNED(authorization_wipe) struct authorization a = {0};
    v->signed_on = false;
    enum failure bad = read_header(v, &a, e);
    if (!bad && a.scheme == AUTHORIZATION_OTHER)
        return ask_who(v, false, "This is for users who are signed on.");
    if (!bad)
        bad = open_accounts(v, e);
    if (!bad)
        bad = a.scheme == AUTHORIZATION_BEARER ? by_token(v, &a, e) : by_secret(v, &a, e);
    if (bad || v->answer.status)
        return bad;
    v->proved = true;
    return let_in(v, e);
}
