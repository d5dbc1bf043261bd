/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* What the files of libxrpc share; nothing of it is exported. */
#ifndef LIBXRPC_INTERNAL_H
#define LIBXRPC_INTERNAL_H

#include <stdatomic.h>

#include "libxrpc.h"

#define __export	__attribute__((visibility("default")))
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* The addresses of one host that are tried before giving up. */
#define XRPC_TRIED_MAX	16

/**
 * struct xrpc_client - a connected socket and the defaults of its calls
 * @fd: the socket
 * @peer: where it is connected to
 * @timeout_us: for calls that name none; 0: the socket's own default
 * @replayable: every call may be replayed
 */
struct xrpc_client {
	int fd;
	struct sockaddr_xrpc peer;
	atomic_uint_fast64_t timeout_us;
	atomic_bool replayable;
};

/**
 * struct xrpc_server - a bound socket
 * @fd: the socket
 */
struct xrpc_server {
	int fd;
};

/* addr.c */

/**
 * struct xrpc_addr_text - the parts of an address's text
 * @host: the host without brackets, "" where none was given
 * @port: the port
 * @service: the service, 0 where none was given
 */
struct xrpc_addr_text {
	char host[256];
	uint16_t port;
	uint32_t service;
};

int xrpc_addr_split(const char *text, struct xrpc_addr_text *parts);

/* outcome.c */
enum xrpc_outcome xrpc_call_outcome(int error, uint32_t told);

/* socket.c */
int xrpc_socket(bool told);
void xrpc_socket_close(int fd);
void xrpc_addr_error(void);
void *xrpc_cmsg_put(struct msghdr *msg, int type, const void *data, size_t len);

/* serve.c */

/* What to do after a failed XRPC_IOC_SERVE. */
enum xrpc_serve_step {
	SERVE_STEP_AGAIN,	/* once more, with the answer */
	SERVE_STEP_NEXT,	/* once more, the answer is done with */
	SERVE_STEP_POLL,	/* wait, then once more with the answer */
	SERVE_STEP_POLL_NEXT,	/* wait, then once more without */
	SERVE_STEP_END,		/* shut down and drained */
	SERVE_STEP_FAIL,	/* tell the caller */
};

int xrpc_request_fill(struct xrpc_request *req, void *buf, size_t room,
		      const struct xrpc_serve_args *args);
enum xrpc_serve_step xrpc_serve_step(int error, bool answering, uint32_t flags);

#endif /* LIBXRPC_INTERNAL_H */
