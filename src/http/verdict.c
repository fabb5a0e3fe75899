#include "http/verdict.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/x509_vfy.h>

/* --- another machine --- */

static enum failure not_connected(CURL *easy, const char *where, struct error *e)
{
    long why = 0;
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &why);
    switch (why) {
    case ECONNREFUSED:
        fail(e, FAIL_UNREACHABLE, "Nothing listens at %s: the connection was refused.", where);
        error_kept(e, "Nothing was sent.");
        return error_next(e, "Check that polluxd runs there and that the port is right.");
    case EHOSTUNREACH:
    case ENETUNREACH:
        fail(e, FAIL_UNREACHABLE, "There is no route to %s.", where);
        error_kept(e, "Nothing was sent.");
        return error_next(e, "Check the network between the two machines.");
    default:
        fail(e, FAIL_UNREACHABLE, "Can't connect to %s: %s.", where,
             why ? strerror((int)why) : "no connection");
        error_kept(e, "Nothing was sent.");
        return error_next(e, "Check that the machine is up and that no firewall is in between.");
    }
}

static enum failure timed_out(CURL *easy, const char *where, unsigned deadline_ms, struct error *e)
{
    curl_off_t ready_us = 0;
    curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &ready_us);
    if (ready_us > 0) {
        fail(e, FAIL_DEADLINE, "%s did not answer within %u ms.", where, deadline_ms);
        return error_kept(e, "Whether it did what was asked is unknown.");
    }
    fail(e, FAIL_UNREACHABLE, "No connection to %s was made within %u ms.", where, deadline_ms);
    error_kept(e, "Nothing was sent.");
    return error_next(e, "Check that the machine is up and that no firewall is in between.");
}

/* The other side's certificate, as we see it. */
static enum failure not_believed(CURL *easy, const char *host, const char *where, struct error *e)
{
    long why = X509_V_OK;
    curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &why);
    switch (why) {
    case X509_V_OK:
    case X509_V_ERR_UNSPECIFIED: /* libcurl's value from before the chain was looked at: the name
                                    is looked at first once the handshake is over */
        fail(e, FAIL_FOREIGN, "The certificate of the server at %s is not for the name %s.", where,
             host);
        error_next(e,
                   "Check that the address belongs to %s, or give it a certificate that "
                   "carries this name.",
                   host);
        break;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        fail(e, FAIL_FOREIGN, "The certificate of the server at %s has expired.", where);
        error_next(e,
                   "Where the authority is, pollux pki renew %s makes a new one; bring it to that "
                   "machine, and reload polluxd there. Unless it is the clock of this machine that "
                   "is wrong.",
                   host);
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        fail(e, FAIL_FOREIGN, "The certificate of the server at %s is not valid yet.", where);
        error_next(e, "Check the clocks of both machines.");
        break;
    case X509_V_ERR_INVALID_PURPOSE:
        fail(e, FAIL_FOREIGN, "The certificate of the server at %s is not meant for servers.",
             where);
        error_next(e, "Give %s a certificate with the extended key usage \"server\".", host);
        break;
    default:
        fail(e, FAIL_FOREIGN,
             "The certificate of the server at %s was not issued by our authority: %s.", where,
             X509_verify_cert_error_string(why));
        error_next(e, "Check that both machines have the same authority file.");
        break;
    }
    return error_kept(e, "Nothing was sent.");
}

/* In TLS 1.3 the server judges our certificate after its handshake is over for us: its alert comes
 * in place of the answer. */
static bool refused_our_certificate(const char *detail)
{
    return strstr(detail, "alert") &&
           (strstr(detail, "certificate") || strstr(detail, "unknown ca") ||
            strstr(detail, "access denied"));
}

static enum failure no_handshake(const char *where, const char *detail, struct error *e)
{
    if (strstr(detail, "SSL_ERROR_SYSCALL") || strstr(detail, "reset by peer") ||
        strstr(detail, "unexpected eof")) {
        fail(e, FAIL_UNREACHABLE, "%s closed the connection during the TLS handshake.", where);
        error_next(e, "The server may be at its limit of connections, or be stopping; try again.");
    } else {
        fail(e, FAIL_FOREIGN, "What listens at %s does not speak TLS 1.3 with us: %s.", where,
             detail);
        error_next(e, "Check that the port is polluxd's.");
    }
    return error_kept(e, "Nothing was sent.");
}

/* A server that refuses our certificate may close so fast that its alert is lost on the way. */
static bool may_be_our_certificate(CURL *easy)
{
    long connections = 0, head_bytes = 0;
    curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connections);
    curl_easy_getinfo(easy, CURLINFO_HEADER_SIZE, &head_bytes);
    return connections > 0 && head_bytes == 0;
}

static enum failure broke_off(CURL *easy, const char *where, const char *detail, struct error *e)
{
    fail(e, FAIL_IO, "The connection to %s broke before the answer was complete: %s.", where,
         detail);
    if (may_be_our_certificate(easy))
        error_next(e, "If this repeats, check whether the server accepts this machine's "
                      "certificate: its log says more.");
    return error_kept(e, "Whether it did what was asked is unknown.");
}

enum failure verdict_of(CURL *easy, CURLcode code, const char *host, const char *where,
                        const char *detail, unsigned deadline_ms, struct error *e)
{
    if (!*detail)
        detail = curl_easy_strerror(code);
    if (refused_our_certificate(detail)) {
        fail(e, FAIL_FOREIGN, "The server at %s does not accept our certificate: %s.", where,
             detail);
        return error_next(e, "Check the dates and the issuer of this machine's certificate, and "
                             "the authority file there.");
    }
    /* libcurl has a hundred codes; those that need words of their own are named. */
    if (code == CURLE_COULDNT_CONNECT)
        return not_connected(easy, where, e);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return timed_out(easy, where, deadline_ms, e);
    if (code == CURLE_PEER_FAILED_VERIFICATION)
        return not_believed(easy, host, where, e);
    if (code == CURLE_SSL_CONNECT_ERROR)
        return no_handshake(where, detail, e);
    if (code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CACERT_BADFILE) {
        fail(e, FAIL_FOREIGN, "This machine's certificate, key or authority can't be used: %s.",
             detail);
        return error_kept(e, "Nothing was sent to %s.", where);
    }
    if (code == CURLE_COULDNT_RESOLVE_HOST) {
        fail(e, FAIL_UNREACHABLE, "The name of %s can't be resolved.", where);
        error_kept(e, "Nothing was sent.");
        return error_next(e, "Check the spelling, and DNS or /etc/hosts.");
    }
    return broke_off(easy, where, detail, e);
}

/* --- the socket of this machine --- */

static enum failure no_socket(CURL *easy, const char *path, struct error *e)
{
    struct stat st;
    long why = 0;
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &why);
    switch (why) {
    case ENOENT:
    case ENOTDIR:
        fail(e, FAIL_UNREACHABLE, "polluxd is not running here: there is no socket %s.", path);
        return error_next(e,
                          "Start it (polluxd --config FILE), or set POLLUX_SERVER to the socket of "
                          "the one that runs, or to https://MACHINE.");
    case EACCES:
    case EPERM:
        fail(e, FAIL_DENIED, "This account may not use the socket %s.", path);
        return error_next(
            e,
            "polluxd opens it to everybody and decides by roles: look at the rights of "
            "the folder that it is in, and at its own: `ls -l %s`.",
            path);
    case ECONNREFUSED:
        if (stat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
            return fail(e, FAIL_INVALID, "%s is not a socket.", path);
        fail(e, FAIL_UNREACHABLE,
             "polluxd is not running here: nobody listens on the socket %s that it left behind.",
             path);
        return error_next(e, "Its log says why it ended. Start it again: polluxd --config FILE");
    case EAGAIN: return fail(e, FAIL_BUSY, "Too many callers wait on the socket %s.", path);
    default:
        return fail(e, FAIL_IO, "Can't connect to the socket %s: %s.", path,
                    why ? strerror((int)why) : "no connection");
    }
}

enum failure verdict_of_socket(CURL *easy, CURLcode code, const char *socket_path,
                               const char *detail, struct error *e)
{
    if (code == CURLE_COULDNT_CONNECT)
        return no_socket(easy, socket_path, e);
    fail(e, FAIL_IO, "The connection to polluxd broke before its answer was complete: %s.",
         *detail ? detail : curl_easy_strerror(code));
    error_kept(e, "Whether it did what was asked is unknown.");
    return error_next(e, "It may have been stopped: its log says more.");
}
