// SPDX-License-Identifier: GPL-2.0
/*
 * xrpc-test: mode=smp kernels=debug,6.1 threads=multi timeout=300
 *
 * Endpoints that go while packets come in that they answer: whoever answers has
 * no reference, and what it answers with must be good until it is done.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <time.h>

#include "fuzz.h"
#include "tap.h"

#define PORT	4500
#define BATCH	32

static volatile bool stop;
static unsigned long sent, answers;

static void *flood(void *arg)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_port = htons(PORT),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	uint8_t pkt[64] __attribute__((aligned(8))) = {
		XRPC_WIRE_VERSION, [24] = XRPC_FT_TOKEN_REQ, [27] = 32,
		[35] = 1, [56] = XRPC_FT_PAD, [59] = 8,
	};
	struct iovec v = { pkt, sizeof(pkt) };
	struct mmsghdr m[BATCH] = {};
	int fd = socket(AF_INET, SOCK_DGRAM, 0), i, n;
	char room[BATCH];

	for (i = 0; i < BATCH; i++) {
		m[i].msg_hdr.msg_name = &a;
		m[i].msg_hdr.msg_namelen = sizeof(a);
		m[i].msg_hdr.msg_iov = &v;
		m[i].msg_hdr.msg_iovlen = 1;
	}
	while (!stop) {
		n = sendmmsg(fd, m, BATCH, 0);
		if (n > 0)
			__atomic_add_fetch(&sent, n, __ATOMIC_RELAXED);
		while (recv(fd, room, 1, MSG_DONTWAIT) > 0)
			__atomic_add_fetch(&answers, 1, __ATOMIC_RELAXED);
	}
	close(fd);
	return arg;
}

/* Opens sessions, real ones, whoever is there to accept them. */
static void *client(void *arg)
{
	struct sockaddr_xrpc a = at("127.0.0.1", PORT, 0);
	struct timeval tv = { .tv_usec = 20000 };
	uint64_t us = 20000;
	char room[8];
	int fd;

	while (!stop) {
		fd = client_to(a);
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
		setsockopt(fd, SOL_XRPC, XRPC_DEFAULT_DEADLINE, &us,
			   sizeof(us));
		send(fd, "x", 1, 0);
		recv(fd, room, sizeof(room), 0);
		close(fd);
	}
	return arg;
}

int main(void)
{
	struct sockaddr_xrpc a = at("127.0.0.1", PORT, 0);
	int n, i, fd, bound = 0, seconds = 30;
	time_t end;
	pthread_t t[3];

	tap_begin();
	close(xrpc_socket());
	if (getenv("FUZZ_SECONDS"))
		seconds = atoi(getenv("FUZZ_SECONDS"));
	end = time(NULL) + seconds;
	for (i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, i ? flood : client, NULL);
	for (n = 0; time(NULL) < end; n++) {
		fd = xrpc_socket();
		bound += !bind(fd, (void *)&a, sizeof(a));
		/* long enough for some packets to be under way */
		if (n % 4)
			usleep(n % 7 * 50);
		close(fd);
	}
	stop = true;
	for (i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	printf("# %lu packets, %lu answers\n", sent, answers);
	ok(bound == n, "an endpoint came and went %d times (%d)", n, bound);
	ok(answers > 0, "and answered meanwhile (%lu)", answers);
	return tap_end();
}
