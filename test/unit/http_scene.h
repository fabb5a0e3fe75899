/* A scene for the tests of HTTP: a folder, a server that does what the path says, and ways to wait
 * for what happens (never for time). */
#ifndef POLLUX_TEST_HTTP_SCENE_H
#define POLLUX_TEST_HTTP_SCENE_H

#include <pthread.h>
#include <stdbool.h>

#include "certificates.h"
#include "http/client.h"
#include "http/server.h"

enum {
    HELD_MAX = 1024,
    SCENE_BODY_MAX = 100000,
    SCENE_STRANGER_BODY_MAX = 1000,
    SCENE_ARRIVING_MAX = 250000, /* over the socket */
    PATIENCE_S = 120
};

struct scene {
    char folder[64], socket[96];
    struct http_server *server;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct http_request *held[HELD_MAX]; /* handed over and not answered yet, in order */
    size_t held_count;
};

void scene_begin(struct scene *scene); /* the folder */
void scene_serve_socket(struct scene *scene);
/* Certificates "server" of the folder, or another name; port 0: any. */
void scene_serve_tls(struct scene *scene, const char *certificate, uint16_t port);
void scene_end(struct scene *scene); /* stops the server, if there is one; removes the folder */
const char *scene_file(const struct scene *scene, const char *name); /* lent until the 8th next */
/* NAME.pem and NAME.key in the folder; the rest as for certificate_new(). */
void scene_certificate(const struct scene *scene, const struct authority *authority,
                       const char *name, const char *names, const char *purpose, long from,
                       long until);

/* /echo answers with method, path and body; /who with the peer; /before is answered by another
 * thread before the handler returns, /soon by another thread at any moment, /hold by the test;
 * /upload, too, and its body is read while it arrives; /large with as many bytes as ?size= says;
 * /fail with an error. */
void scene_wait_held(struct scene *scene, size_t count);
struct http_request *scene_take_held(struct scene *scene); /* the oldest; waits for it */

/* A plain connection to the scene's socket. */
int raw_connect(const struct scene *scene);
void raw_send(int fd, const char *text);
/* Reads until the text has come, and returns all of it; "" if the connection ended before. */
const char *raw_read_until(int fd, const char *text);
const char *raw_read_to_end(int fd);

#endif
