// SPDX-License-Identifier: GPL-2.0
/*
 * xrpc-test: mode=icount kernels=6.1,6.12,debug timeout=300
 *
 * Calls that are more than request and reply: one-way messages, calls that are
 * given up, services that sockets share, calls that may be replayed.
 */
#include <fcntl.h>
#include <poll.h>

#include "tap.h"

#define PORT 4200

/* What a receive told in control messages. */
struct told {
	uint64_t cookie;
	uint32_t method;
	struct xrpc_result result;
	bool ended, oneway, canceled;
	struct sockaddr_xrpc from;
	ssize_t len;
	char text[64];
};

static void recvinfo(int fd)
{
	int on = 1;

	setsockopt(fd, SOL_XRPC, XRPC_RECVINFO, &on, sizeof(on));
}

static bool get(int fd, int flags, struct told *t)
{
	char control[256];
	struct iovec iov = { t->text, sizeof(t->text) };
	struct msghdr m = {
		.msg_name = &t->from, .msg_namelen = sizeof(t->from),
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c;

	memset(t, 0, sizeof(*t));
	t->len = recvmsg(fd, &m, flags);
	if (t->len < 0)
		return false;
	for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_type == XRPC_COOKIE)
			memcpy(&t->cookie, CMSG_DATA(c), 8);
		else if (c->cmsg_type == XRPC_METHOD)
			memcpy(&t->method, CMSG_DATA(c), 4);
		else if (c->cmsg_type == XRPC_ONEWAY)
			t->oneway = true;
		else if (c->cmsg_type == XRPC_CANCELED)
			t->canceled = true;
		else if (c->cmsg_type == XRPC_OUTCOME) {
			memcpy(&t->result, CMSG_DATA(c), sizeof(t->result));
			t->ended = true;
		}
	}
	return true;
}

static bool ended(int fd, uint64_t cookie, uint32_t outcome, uint32_t error)
{
	struct told t;

	if (!get(fd, 0, &t))
		return false;
	if (t.ended && t.cookie == cookie && t.result.outcome == outcome &&
	    t.result.error == error)
		return true;
	printf("# cookie %llu, outcome %u, error %u\n",
	       (unsigned long long)t.cookie, t.result.outcome, t.result.error);
	return false;
}

static bool nothing(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return !poll(&p, 1, 300);
}

/* A send with up to two control messages; data of length 0 may be given. */
static int send_with(int fd, const char *text, int type, const void *data,
		     size_t len, uint64_t cookie)
{
	char control[128] = {};
	struct iovec iov = { (void *)text, strlen(text) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	size_t all = 0;

	if (type) {
		c->cmsg_level = SOL_XRPC;
		c->cmsg_type = type;
		c->cmsg_len = CMSG_LEN(len);
		if (len)
			memcpy(CMSG_DATA(c), data, len);
		all += CMSG_SPACE(len);
		c = (void *)(control + all);
	}
	if (cookie) {
		c->cmsg_level = SOL_XRPC;
		c->cmsg_type = XRPC_COOKIE;
		c->cmsg_len = CMSG_LEN(8);
		memcpy(CMSG_DATA(c), &cookie, 8);
		all += CMSG_SPACE(8);
	}
	m.msg_controllen = all;
	return sendmsg(fd, &m, 0);
}

static int send_cancel(int fd, uint64_t cookie)
{
	return send_with(fd, "", XRPC_CANCEL, &cookie, sizeof(cookie), 0);
}

static int send_named(int fd, const char *text, uint64_t cookie)
{
	return send_with(fd, text, 0, NULL, 0, cookie);
}

/* ---- one-way --------------------------------------------------------- */

static void test_oneway(void)
{
	struct sockaddr_xrpc a = at("127.0.0.1", PORT, 0), from;
	int s = server_at(a), c = client_to(a);
	struct xrpc_serve_args args = {};
	char buf[64];
	struct told t;

	ok(send_with(c, "note", XRPC_ONEWAY, NULL, 0, 0) == 4,
	   "a message that wants no answer");
	ok(nothing(c), "nothing is told before it is received");
	ok(get_request(s, buf, sizeof(buf), &from) == 4 && !from.sxr_call,
	   "it comes without a handle");
	ok(nothing(c), "who gave it no name is not told that it arrived");

	ok(send_with(c, "n2", XRPC_ONEWAY, NULL, 0, 0) == 2 &&
	   recv(s, buf, sizeof(buf), 0) == 2,
	   "a receive without room for an address takes it");

	recvinfo(c);
	recvinfo(s);
	send_with(c, "named", XRPC_ONEWAY, NULL, 0, 7);
	ok(nothing(c), "one with a name: nothing is told yet");
	ok(get(s, MSG_PEEK, &t) && t.oneway && t.len == 5, "seen by a peek");
	ok(nothing(c), "which is no receipt");
	ok(get(s, 0, &t) && t.oneway && !strncmp(t.text, "named", 5),
	   "received, and told to be one-way");
	ok(ended(c, 7, XRPC_REPLIED, 0), "its sender is told: replied");

	send_with(c, "ioctl", XRPC_ONEWAY, NULL, 0, 8);
	args.req = (uintptr_t)buf;
	args.req_len = sizeof(buf);
	ok(!ioctl(s, XRPC_IOC_SERVE, &args) && args.req_len == 5 &&
	   args.flags & XRPC_SERVE_ONEWAY && !args.call,
	   "the one-syscall receive takes it, call 0");
	ok(ended(c, 8, XRPC_REPLIED, 0), "and its sender is told");

	send_with(c, "lost", XRPC_ONEWAY, NULL, 0, 9);
	nothing(s) ? 0 : close(s);
	ok(ended(c, 9, XRPC_NOT_EXECUTED, ECONNREFUSED),
	   "one that nobody received: not executed");
	close(c);
}

/* ---- giving up ------------------------------------------------------- */

static void test_cancel(void)
{
	struct sockaddr_xrpc a = at("127.0.0.1", PORT + 1, 0);
	int s = server_at(a), c = client_to(a);
	struct xrpc_serve_args args = {};
	uint64_t seven = 7;
	char buf[64];
	struct told t, u;

	recvinfo(c);
	fails(send_cancel(c, 99), ENOENT, "cancel: no such call");
	fails(send_cancel(c, 0), EINVAL, "cancel: no name");
	fails(send_with(c, "x", XRPC_CANCEL, &seven, 8, 0), EINVAL,
	      "cancel: with a message");
	fails(send_with(c, "", XRPC_CANCEL, &seven, 4, 0), EINVAL,
	      "cancel: short name");
	fails(send_with(c, "", XRPC_CANCEL, &seven, 8, 3), EINVAL,
	      "cancel: and a cookie");

	send_named(c, "queued", 1);
	nothing(c);
	ok(!send_cancel(c, 1), "a call in the server's queue is cancelled");
	ok(ended(c, 1, XRPC_NOT_EXECUTED, ECANCELED),
	   "it ends not executed");
	ok(nothing(s), "and is in the queue no more");
	fails(send_cancel(c, 1), ENOENT, "its name is free");

	send_named(c, "taken", 2);
	ok(get(s, 0, &t) && t.len == 5, "one that was received");
	ok(!send_cancel(c, 2), "is cancelled");
	ok(ended(c, 2, XRPC_UNKNOWN, ECONNRESET), "it ends unknown");
	ok(nothing(s), "a server that wants no information is not told");
	fails(give_answer(s, "late", 4, &t.from), ECANCELED,
	      "its answer comes too late");
	fails(give_answer(s, "late", 4, &t.from), EALREADY, "once");

	recvinfo(s);
	send_named(c, "told", 3);
	get(s, 0, &t);
	send_cancel(c, 3);
	ok(ended(c, 3, XRPC_UNKNOWN, ECONNRESET), "another one");
	ok(get(s, MSG_PEEK, &u) && u.canceled, "a peek sees the notice");
	ok(get(s, 0, &u) && u.canceled && !u.len &&
	   u.from.sxr_call == t.from.sxr_call,
	   "a server that wants information is told which");
	ok(nothing(s), "once");
	fails(give_answer(s, "late", 4, &t.from), ECANCELED,
	      "its answer comes too late as well");

	send_named(c, "told2", 4);
	get(s, 0, &t);
	send_cancel(c, 4);
	ended(c, 4, XRPC_UNKNOWN, ECONNRESET);
	fails(give_answer(s, "late", 4, &t.from), ECANCELED,
	      "an answer before the notice is read");
	ok(nothing(s), "takes its place");

	send_named(c, "sys", 5);
	args.req = (uintptr_t)buf;
	args.req_len = sizeof(buf);
	ok(!ioctl(s, XRPC_IOC_SERVE, &args) && args.call, "one-syscall server");
	seven = args.call;
	send_cancel(c, 5);
	ended(c, 5, XRPC_UNKNOWN, ECONNRESET);
	args.call = 0;
	args.req_len = sizeof(buf);
	args.flags = 0;
	ok(!ioctl(s, XRPC_IOC_SERVE, &args) && args.call == seven &&
	   args.flags & XRPC_SERVE_CANCELED && !args.req_len,
	   "is told with the handle");

	send_named(c, "gone", 6);
	get(s, 0, &t);
	close(c);
	ok(get(s, 0, &u) && u.canceled && u.from.sxr_call == t.from.sxr_call,
	   "a client that went away is told of likewise");
	fails(give_answer(s, "late", 4, &t.from), ETIMEDOUT,
	      "an answer to it has nowhere to go");

	c = client_to(a);
	recvinfo(c);
	send_named(c, "again", 7);
	get(s, 0, &t);
	give_answer(s, "yes", 3, &t.from);
	nothing(s);
	fails(send_cancel(c, 7), EALREADY, "a call that has its reply");
	ok(ended(c, 7, XRPC_REPLIED, 0), "keeps it");
	send_named(c, "open", 8);
	close(s);
	ended(c, 8, XRPC_NOT_EXECUTED, ECONNREFUSED);
	close(c);
}

/* ---- groups ---------------------------------------------------------- */

static int member_at(struct sockaddr_xrpc a)
{
	int fd = xrpc_socket(), on = 1;

	if (setsockopt(fd, SOL_XRPC, XRPC_REUSEPORT, &on, sizeof(on)))
		perror("# XRPC_REUSEPORT");
	if (bind(fd, (void *)&a, sizeof(a)))
		perror("# bind");
	return fd;
}

static int waiting(int fd)
{
	struct sockaddr_xrpc from;
	char buf[64];
	int n = 0;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (get_request(fd, buf, sizeof(buf), &from) >= 0)
		n++;
	return n;
}

static void test_groups(void)
{
	struct sockaddr_xrpc a = at("127.0.0.1", PORT + 2, 0);
	int s[3], c, alone, i, on = 1, v = -1;
	socklen_t len = sizeof(v);
	struct told t[5], u;

	s[0] = member_at(a);
	s[1] = member_at(a);
	ok(!getsockopt(s[0], SOL_XRPC, XRPC_REUSEPORT, &v, &len) && v == 1,
	   "sockets share a service");
	fails(setsockopt(s[0], SOL_XRPC, XRPC_REUSEPORT, &on, sizeof(on)),
	      EINVAL, "who is bound joins no more");
	alone = xrpc_socket();
	fails(bind(alone, (void *)&a, sizeof(a)), EADDRINUSE,
	      "who does not want to share may not");
	close(alone);
	c = client_to(a);
	recvinfo(c);
	for (i = 0; i < 4; i++)
		send_named(c, "each", i + 1);
	nothing(c);
	get(s[0], 0, &t[0]);
	get(s[0], 0, &t[1]);
	ok(get(s[1], 0, &t[2]) && get(s[1], 0, &t[3]),
	   "calls go to the one with less to do");
	ok(nothing(s[0]) && nothing(s[1]), "half of them to each");
	/* the first is free again, the second still has two */
	give_answer(s[0], "1", 1, &t[0].from);
	give_answer(s[0], "2", 1, &t[1].from);
	send_named(c, "five", 5);
	send_named(c, "six", 6);
	nothing(c);
	ok(waiting(s[0]) == 2 && !waiting(s[1]),
	   "what was received and not answered counts");

	s[2] = member_at(a);
	shutdown(s[2], SHUT_RD);
	send_named(c, "seven", 7);
	nothing(s[0]);
	ok(!get(s[2], MSG_DONTWAIT, &u) || !u.len,
	   "one that drains gets none");
	close(s[2]);
	while (get(c, MSG_DONTWAIT, &u))
		;
	close(c);
	close(s[0]);
	close(s[1]);
}

static void test_handover(void)
{
	struct sockaddr_xrpc a = at("127.0.0.1", PORT + 3, 0);
	int s[2], c;
	struct told t, u;

	s[0] = member_at(a);
	s[1] = member_at(a);
	c = client_to(a);
	recvinfo(c);
	send_named(c, "1", 1);
	send_named(c, "2", 2);
	send_named(c, "3", 3);
	send_named(c, "4", 4);
	nothing(c);
	ok(get(s[0], 0, &t), "of two that one has, it receives one");
	close(s[0]);
	ok(ended(c, t.text[0] - '0', XRPC_UNKNOWN, ECONNRESET),
	   "when it dies that one ends unknown");
	ok(get(s[1], 0, &t) && get(s[1], 0, &t) && get(s[1], 0, &u) &&
	   nothing(s[1]), "the other moves to its sibling, behind its own two");
	give_answer(s[1], "moved", 5, &u.from);
	ok(get(c, 0, &u) && u.result.outcome == XRPC_REPLIED && u.len == 5,
	   "which answers it");
	give_answer(s[1], "own", 3, &t.from);
	get(c, 0, &u);
	close(s[1]);
	get(c, 0, &u);
	ok(u.result.outcome == XRPC_UNKNOWN && nothing(c),
	   "every call ended once");
	close(c);
}

/* ---- replayable ------------------------------------------------------ */

static bool linger(int ms)
{
	FILE *f = fopen("/proc/sys/net/xrpc/linger_ms", "w");

	if (!f)
		return false;
	fprintf(f, "%d\n", ms);
	return !fclose(f);
}

static void restart(const char *what, int port, int linger_ms, bool taken)
{
	struct sockaddr_xrpc a = at("127.0.0.1", port, 0);
	int s = server_at(a), c = client_to(a);
	struct told t;

	linger(linger_ms);
	recvinfo(c);
	send_named(c, "first", 1);
	get(s, 0, &t);
	give_answer(s, "1", 1, &t.from);
	get(c, 0, &t);

	send_with(c, "again", XRPC_REPLAYABLE, NULL, 0, 2);
	send_named(c, "plain", 3);
	nothing(c);
	if (taken) {
		get(s, 0, &t);
		get(s, 0, &t);
	}
	close(s);
	if (!taken) {
		ok(ended(c, 2, XRPC_NOT_EXECUTED, ECONNREFUSED),
		   "%s: a replayable call ends not executed", what);
		ok(ended(c, 3, XRPC_NOT_EXECUTED, ECONNREFUSED),
		   "%s: and so does a plain one", what);
		close(c);
		return;
	}
	ok(ended(c, 3, XRPC_UNKNOWN, ECONNRESET),
	   "%s: a plain call ends unknown", what);
	ok(nothing(c), "%s: a replayable one waits", what);
	s = server_at(a);
	ok(get(s, 0, &t) && !strncmp(t.text, "again", 5),
	   "%s: and comes to the next server", what);
	ok(nothing(s), "%s: the plain one does not", what);
	give_answer(s, "2", 1, &t.from);
	ok(ended(c, 2, XRPC_REPLIED, 0), "%s: which answers it", what);
	close(c);
	close(s);
}

static void test_replayable(void)
{
	struct sockaddr_xrpc a = at("127.0.0.1", PORT + 9, 0);
	uint64_t us = 2000000;
	int s, c;
	struct told t;

	restart("endpoint lingers", PORT + 4, 60000, true);
	restart("undelivered", PORT + 5, 60000, false);
	restart("records lost", PORT + 6, 0, true);
	restart("records lost, undelivered", PORT + 7, 0, false);

	linger(60000);
	s = server_at(a);
	c = client_to(a);
	recvinfo(c);
	send_with(c, "never", XRPC_REPLAYABLE, NULL, 0, 1);
	setsockopt(c, SOL_XRPC, XRPC_DEFAULT_DEADLINE, &us, sizeof(us));
	send_with(c, "soon", XRPC_REPLAYABLE, NULL, 0, 2);
	get(s, 0, &t);
	get(s, 0, &t);
	close(s);
	ok(ended(c, 2, XRPC_UNKNOWN, ETIMEDOUT),
	   "a replayable call ends by its deadline, unknown");
	send_cancel(c, 1);
	ok(ended(c, 1, XRPC_UNKNOWN, ECONNRESET),
	   "one that may have run cannot be cancelled to not executed");
	close(c);
}

/* ---- without a token ------------------------------------------------- */

/* The first call to a server: it has been asked for no token yet. */
static void first_call(int port, int opt_in, int type, size_t reply,
		       const char *what)
{
	struct sockaddr_xrpc a = at("127.0.0.1", port, 0);
	int s = server_at(a), c = client_to(a), runs = 0, got = 0;
	unsigned long before = counter("Tokenless");
	static char big[4000];
	struct told t;

	recvinfo(c);
	ok(!setsockopt(s, SOL_XRPC, XRPC_ACCEPT_REPLAYABLE, &opt_in,
		       sizeof(opt_in)), "%s: the server says so", what);
	send_with(c, "first", type, NULL, 0, 1);
	while (!got && runs < 5 && get(s, 0, &t)) {
		runs++;
		give_answer(s, big, reply, &t.from);
		got = !nothing(c);
	}
	ok(get(c, 0, &t) && t.ended && t.cookie == 1 &&
	   t.result.outcome == XRPC_REPLIED && t.len == (ssize_t)(reply < 64 ?
								  reply : 64),
	   "%s: replied", what);
	if (opt_in && type == XRPC_REPLAYABLE)
		ok(counter("Tokenless") > before, "%s: without a token", what);
	else
		ok(counter("Tokenless") == before, "%s: with a token", what);
	ok(runs == 1 || reply > 64, "%s: it ran %d times", what, runs);
	send_named(c, "next", 2);
	ok(get(s, 0, &t) && give_answer(s, "n", 1, &t.from) == 1 &&
	   ended(c, 2, XRPC_REPLIED, 0), "%s: the next call is a plain one",
	   what);
	ok(nothing(s) && nothing(c), "%s: and that is all", what);
	close(c);
	close(s);
}

static void test_tokenless(void)
{
	struct sockaddr_xrpc a = at("127.0.0.1", PORT + 15, 0);
	int c, s, on = 1;
	struct told t;

	first_call(PORT + 10, 1, XRPC_REPLAYABLE, 10, "replayable, taken");
	first_call(PORT + 11, 0, XRPC_REPLAYABLE, 10, "replayable, not taken");
	first_call(PORT + 12, 1, 0, 10, "plain");
	/* three times the request is less than that: it runs once more */
	first_call(PORT + 13, 1, XRPC_REPLAYABLE, 4000, "a longer reply");

	s = server_at(a);
	setsockopt(s, SOL_XRPC, XRPC_ACCEPT_REPLAYABLE, &on, sizeof(on));
	c = client_to(a);
	recvinfo(c);
	send_with(c, "lost", XRPC_REPLAYABLE, NULL, 0, 1);
	ok(get(s, 0, &t), "a server that has such a call");
	close(s);
	s = server_at(a);
	ok(get(s, 0, &t) && !strncmp(t.text, "lost", 4),
	   "dies: the next one gets it");
	give_answer(s, "1", 1, &t.from);
	ok(ended(c, 1, XRPC_REPLIED, 0), "and answers");
	close(s);
	close(c);
}

int main(void)
{
	tap_begin();
	test_oneway();
	test_cancel();
	test_groups();
	test_handover();
	test_replayable();
	test_tokenless();
	return tap_end();
}
