/* SPDX-License-Identifier: GPL-2.0 */
/* Sends and receives with control messages, for the tests in C. */
#ifndef XRPC_INFOS_H
#define XRPC_INFOS_H

#include <poll.h>

#include "tap.h"

/* One control message to be sent. */
struct info {
	int type;
	const void *data;
	size_t len;
	int level;		/* 0: SOL_XRPC */
};

/* What a receive told. */
struct told {
	ssize_t n;		/* bytes, or -1 */
	int flags;
	uint64_t cookie, deadline;
	uint32_t method, status;
	struct xrpc_result result;
	bool ended, oneway, canceled;
	struct sockaddr_xrpc from;
	char text[64];
};

static inline void recvinfo(int fd)
{
	int on = 1;

	setsockopt(fd, SOL_XRPC, XRPC_RECVINFO, &on, sizeof(on));
}

/* Send, to the connected peer where @to is NULL; returns as sendmsg(). */
static inline ssize_t send_infos(int fd, const struct sockaddr_xrpc *to,
				 const char *text, int flags,
				 const struct info *infos, int n)
{
	_Alignas(struct cmsghdr) char control[512] = {};
	struct iovec iov = { (void *)text, strlen(text) };
	struct msghdr m = {
		.msg_name = (void *)to, .msg_namelen = to ? sizeof(*to) : 0,
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control,
	};
	struct cmsghdr *c;
	int i;

	for (i = 0; i < n; i++) {
		c = (void *)(control + m.msg_controllen);
		c->cmsg_level = infos[i].level ? : SOL_XRPC;
		c->cmsg_type = infos[i].type;
		c->cmsg_len = CMSG_LEN(infos[i].len);
		if (infos[i].len)
			memcpy(CMSG_DATA(c), infos[i].data, infos[i].len);
		m.msg_controllen += CMSG_SPACE(infos[i].len);
	}
	return sendmsg(fd, &m, flags);
}

static inline ssize_t send_named(int fd, const char *text, uint64_t cookie)
{
	struct info i = { XRPC_COOKIE, &cookie, sizeof(cookie), 0 };

	return send_infos(fd, NULL, text, 0, &i, 1);
}

/* Receive; false where that failed. */
static inline bool receive(int fd, int flags, struct told *t)
{
	_Alignas(struct cmsghdr) char control[256];
	struct iovec iov = { t->text, sizeof(t->text) };
	struct msghdr m = {
		.msg_name = &t->from, .msg_namelen = sizeof(t->from),
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c;

	memset(t, 0, sizeof(*t));
	t->n = recvmsg(fd, &m, flags);
	if (t->n < 0)
		return false;
	t->flags = m.msg_flags;
	for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_level != SOL_XRPC)
			continue;
		switch (c->cmsg_type) {
		case XRPC_COOKIE:
			memcpy(&t->cookie, CMSG_DATA(c), 8);
			break;
		case XRPC_DEADLINE:
			memcpy(&t->deadline, CMSG_DATA(c), 8);
			break;
		case XRPC_METHOD:
			memcpy(&t->method, CMSG_DATA(c), 4);
			break;
		case XRPC_STATUS:
			memcpy(&t->status, CMSG_DATA(c), 4);
			break;
		case XRPC_OUTCOME:
			memcpy(&t->result, CMSG_DATA(c), sizeof(t->result));
			t->ended = true;
			break;
		case XRPC_ONEWAY:
			t->oneway = true;
			break;
		case XRPC_CANCELED:
			t->canceled = true;
			break;
		}
	}
	return true;
}

/* A call ended so; says how it did where it did not. */
static inline bool ended(int fd, uint64_t cookie, unsigned int outcome,
			 unsigned int error)
{
	struct told t;

	if (!receive(fd, 0, &t))
		return false;
	if (t.ended && t.cookie == cookie && t.result.outcome == outcome &&
	    t.result.error == error)
		return true;
	printf("# cookie %llu, outcome %u, error %u\n",
	       (unsigned long long)t.cookie, t.result.outcome, t.result.error);
	return false;
}

/* Whether a descriptor becomes ready within a time. */
static inline bool ready(int fd, int events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, ms) == 1;
}

#endif /* XRPC_INFOS_H */
