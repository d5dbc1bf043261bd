// SPDX-License-Identifier: GPL-2.0
/*
 * In a guest that is restored from a snapshot: no epoch and no session survives
 * it.  Run by test_snapshot.sh.
 */
#include "tap.h"
#include "wire.h"

#define PORT 4300

/* What the endpoint says of itself in a token. */
static bool ask(struct xrpc_token_frame *t)
{
	struct {
		struct xrpc_hdr h;
		struct xrpc_token_req req;
		struct xrpc_fhdr pad;
		__be32 more;
	} q = {
		.h.vfk = XRPC_WIRE_VERSION,
		.h.echo_delay = htobe32(XRPC_ECHO_NONE),
		.req.h = { XRPC_FT_TOKEN_REQ, 0, htobe16(sizeof(q.req)) },
		.req.client_id = { htobe32(1), htobe32(2) },
		.pad = { XRPC_FT_PAD, 0, htobe16(8) },
	};
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(PORT),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct timeval tv = { .tv_sec = 5 };
	unsigned char in[200];
	ssize_t n;
	int fd;

	fd = socket(AF_INET, SOCK_DGRAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	sendto(fd, &q, sizeof(q), 0, (void *)&to, sizeof(to));
	n = recv(fd, in, sizeof(in), 0);
	close(fd);
	if (n < (ssize_t)(sizeof(q.h) + sizeof(*t)))
		return false;
	memcpy(t, in + sizeof(q.h), sizeof(*t));
	return t->h.type == XRPC_FT_TOKEN;
}

static bool call(int c, int s)
{
	struct sockaddr_xrpc from;
	char b[8];

	return send(c, "call", 4, 0) == 4 &&
	       get_request(s, b, sizeof(b), &from) == 4 &&
	       give_answer(s, "re", 2, &from) == 2 &&
	       recv(c, b, sizeof(b), 0) == 2;
}

int main(void)
{
	struct sockaddr_xrpc a = at("127.0.0.1", PORT, 0), from;
	struct xrpc_token_frame before, after;
	int s = server_at(a), c = client_to(a), i;
	char b[8];

	tap_begin();
	ok(call(c, s), "a call");
	ok(ask(&before), "the endpoint tells its epoch");
	send(c, "run", 3, 0);
	ok(get_request(s, b, sizeof(b), &from) == 3, "one executes");
	send(c, "wait", 4, 0);
	sleep(1);

	ok(!system("/xrpc/bin/host snapshot"),
	   "the machine is saved, and restored as another");
	for (i = 0; i < 100 && !counter("VmForks"); i++)
		usleep(100000);
	ok(counter("VmForks") == 1, "it learns of that");
	fails(recv(c, b, sizeof(b), 0), ECONNRESET,
	      "the call that executed ends unknown");
	fails(recv(c, b, sizeof(b), 0), ECONNRESET, "and so does the other");
	fails(give_answer(s, "late", 4, &from), ETIMEDOUT,
	      "an answer has nowhere to go");
	fails(recv(s, b, sizeof(b), MSG_DONTWAIT), EAGAIN,
	      "what was queued is not executed here");
	ok(ask(&after) && memcmp(before.epoch, after.epoch, 8),
	   "the endpoint has another epoch");
	ok(xrpc_get64(after.horizon) < xrpc_get64(before.horizon) + 1000000,
	   "whose records begin anew");
	ok(call(c, s), "calls go on, to the same socket from the same socket");
	ok(call(client_to(a), s), "and from another");
	return tap_end();
}
