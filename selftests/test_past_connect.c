// SPDX-License-Identifier: GPL-2.0
/*
 * xrpc-test: mode=smp threads=multi kernels=6.1,6.12,debug timeout=600
 *
 * connect() in one thread while others send: what is sent after it goes to the
 * new peer.
 */
#include "netns.h"

#include <pthread.h>

#define PORT	4720

static int client, server[2];
static volatile bool over;

/* Answers with the server's letter. */
static void *serve(void *p)
{
	int *fd = p;
	char letter = fd == server ? 'A' : 'B', req[8];
	struct sockaddr_xrpc from;

	while (!over) {
		if (get_request(*fd, req, sizeof(req), &from) >= 0)
			give_answer(*fd, &letter, 1, &from);
	}
	return NULL;
}

/*
 * Sends whose bytes cannot be read look for the connected peer's session, as all
 * do, and leave nothing behind.
 */
static void *disturb(void *p)
{
	(void)p;
	while (!over)
		send(client, NULL, 1, 0);
	return NULL;
}

static char call(void)
{
	char reply = '?';
	struct xrpc_call_args x = {
		.req = (uintptr_t)"q", .req_len = 1,
		.reply = (uintptr_t)&reply, .reply_len = 1,
	};

	return ioctl(client, XRPC_IOC_CALL, &x) ? '!' : reply;
}

int main(void)
{
	int i, k, wrong = 0, failed = 0, rounds = scaled(5000);
	struct sockaddr_xrpc a[2];
	pthread_t t[4];
	char got;

	tap_begin();
	for (i = 0; i < 2; i++) {
		a[i] = at("127.0.0.1", PORT + i, 0);
		server[i] = server_at(a[i]);
	}
	client = client_to(a[0]);
	for (i = 0; i < 2; i++) {
		pthread_create(&t[i], NULL, serve, &server[i]);
		pthread_create(&t[2 + i], NULL, disturb, NULL);
	}
	for (i = 0; i < rounds; i++) {
		k = i & 1;
		/* the other one first: its session is what may stay */
		if (connect(client, (void *)&a[!k], sizeof(a[0])) ||
		    connect(client, (void *)&a[k], sizeof(a[0])))
			failed++;
		got = call();
		if (got == '!')
			failed++;
		else if (got != "AB"[k])
			wrong++;
	}
	over = true;
	for (i = 0; i < 2; i++)
		shutdown(server[i], SHUT_RD);
	for (i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	ok(!failed, "%d times connected under sends, and called (%d failed)",
	   rounds, failed);
	ok(!wrong, "each call reached whom the socket was connected to (%d not)",
	   wrong);
	return tap_end();
}
