// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* The math server with libxrpc: what is wrong with a request has a status. */

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxrpc.h>

/**
 * struct math - a server that knows when it has served enough
 * @server: the server
 * @left: requests still to be served; negative: no end
 */
struct math {
	struct xrpc_server *server;
	long left;
};

static int square(const struct xrpc_request *req, struct xrpc_reply *rep,
		  void *user)
{
	struct math *math = user;
	uint32_t n;

	if (math->left > 0 && --math->left == 0)
		xrpc_server_stop(math->server);

	if (req->len != sizeof(n)) {
		rep->status = EINVAL;
		return XRPC_ANSWER;
	}
	memcpy(&n, req->data, sizeof(n));
	n = htole32(le32toh(n) * le32toh(n));
	memcpy(rep->buf, &n, sizeof(n));
	rep->len = sizeof(n);
	return XRPC_ANSWER;
}

int main(int argc, char **argv)
{
	struct math math = { .left = -1 };
	int err;

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: %s PORT [COUNT]\n", argv[0]);
		return 2;
	}
	if (argc == 3)
		math.left = atol(argv[2]);

	math.server = xrpc_listen(argv[1], 0);
	if (!math.server) {
		fprintf(stderr, "%s: %s\n", argv[1], xrpc_strerror(errno));
		return 1;
	}
	err = xrpc_serve(math.server, square, &math);
	if (err)
		fprintf(stderr, "%s: %s\n", argv[1], xrpc_strerror(errno));
	xrpc_server_close(math.server);
	return err ? 1 : 0;
}
