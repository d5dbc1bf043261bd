// SPDX-License-Identifier: GPL-2.0
/*
 * xrpc-test: mode=icount kernels=6.1,6.12,debug timeout=300
 *
 * Sockets that several processes have, services that several sockets have, and
 * the ways a call may end: each errno belongs to one outcome.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "infos.h"

#define PORT	4700

static struct sockaddr_xrpc server;

/* The exit status of a child, -1 where it ended otherwise. */
static int status_of(pid_t pid)
{
	int st;

	waitpid(pid, &st, 0);
	return WIFEXITED(st) ? WEXITSTATUS(st) : -1;
}

/* ---- processes ------------------------------------------------------- */

static void test_fork(void)
{
	int s = server_at(server), c = client_to(server), i, bad = 0;
	struct sockaddr_xrpc from;
	char buf[16];
	pid_t pid;

	send(c, "1", 1, 0);
	get_request(s, buf, 16, &from);
	pid = fork();
	if (!pid)
		_exit(give_answer(s, "child", 5, &from) != 5);
	ok(!status_of(pid) && recv(c, buf, 16, 0) == 5,
	   "a child answers what its parent received");
	fails(give_answer(s, "x", 1, &from), EALREADY,
	      "and the parent does not again");
	ok(send(c, "2", 1, 0) == 1 && get_request(s, buf, 16, &from) == 1 &&
	   give_answer(s, "two", 3, &from) == 3 && recv(c, buf, 16, 0) == 3,
	   "the end of a child leaves the socket");

	/* the child goes on with what the parent closes */
	send(c, "3", 1, 0);
	get_request(s, buf, 16, &from);
	pid = fork();
	if (!pid) {
		usleep(50000);
		bad = give_answer(s, "orphan", 6, &from) != 6;
		bad |= get_request(s, buf, 16, &from) != 1;
		bad |= give_answer(s, "4", 1, &from) != 1;
		_exit(bad);
	}
	close(s);
	ok(recv(c, buf, 16, 0) == 6, "a child answers when its parent is gone");
	send(c, "4", 1, 0);
	ok(recv(c, buf, 16, 0) == 1 && !status_of(pid), "and goes on serving");

	/* a pool of workers */
	s = server_at(server);
	for (i = 0; i < 4; i++) {
		if (fork())
			continue;
		while (get_request(s, buf, 16, &from) == 1 && *buf != 'q')
			give_answer(s, buf, 1, &from);
		_exit(0);
	}
	for (i = 0; i < 40; i++)
		send(c, "0123456789" + i % 10, 1, 0);
	for (i = 0; i < 40; i++)
		bad += recv(c, buf, 16, 0) != 1;
	ok(!bad, "four processes serve one socket");
	for (i = 0; i < 4; i++)
		send(c, "q", 1, 0);
	for (i = 0; i < 4; i++)
		wait(NULL);
	for (bad = i = 0; i < 4; i++)
		bad += recv(c, buf, 16, MSG_DONTWAIT) != -1;
	ok(!bad, "and leave it when they end");
	close(s);
	for (bad = i = 0; i < 4; i++)
		bad += recv(c, buf, 16, 0) != -1 || errno != ECONNRESET;
	ok(!bad, "what they received last ends with it");
	close(c);
}

static void pass(int to, int fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(4)] = {};
	struct iovec iov = { "f", 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(4);
	memcpy(CMSG_DATA(c), &fd, 4);
	sendmsg(to, &m, 0);
}

static int passed(int from)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(4)], b;
	struct iovec iov = { &b, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	int fd = -1;

	if (recvmsg(from, &m, 0) == 1 && CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), 4);
	return fd;
}

static void test_passing(void)
{
	int s = server_at(server), c = client_to(server), fd, pair[2];
	struct sockaddr_xrpc from;
	char buf[16];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) {
		ok(false, "a pair of sockets");
		return;
	}
	pid = fork();
	if (!pid) {
		close(s);
		close(c);
		fd = passed(pair[1]);
		if (read(pair[1], &from, sizeof(from)) != sizeof(from))
			_exit(1);
		if (give_answer(fd, "passed", 6, &from) != 6)
			_exit(2);
		if (get_request(fd, buf, 16, &from) != 4 ||
		    give_answer(fd, "more", 4, &from) != 4)
			_exit(3);
		/* as another user: the socket is who it was */
		if (setuid(1000) || get_request(fd, buf, 16, &from) != 5 ||
		    give_answer(fd, "other", 5, &from) != 5)
			_exit(4);
		_exit(0);
	}
	send(c, "1", 1, 0);
	get_request(s, buf, 16, &from);
	pass(pair[0], s);
	close(s);
	ok(write(pair[0], &from, sizeof(from)) == sizeof(from) &&
	   recv(c, buf, 16, 0) == 6,
	   "who is passed a socket answers what was received before");
	send(c, "more", 4, 0);
	ok(recv(c, buf, 16, 0) == 4, "and serves it");
	send(c, "other", 5, 0);
	ok(recv(c, buf, 16, 0) == 5 && !status_of(pid), "as another user too");

	/* one that is under way when the last descriptor of it is closed */
	s = server_at(server);
	pass(pair[0], s);
	send(c, "x", 1, 0);
	get_request(s, buf, 16, &from);
	close(s);
	ok(!ready(c, POLLIN, 100), "a socket under way is not closed");
	close(pair[0]);
	close(pair[1]);
	ok(recv(c, buf, 16, 0) == -1 && errno == ECONNRESET,
	   "until what it is under way in is closed");
	close(c);
}

/* ---- groups ---------------------------------------------------------- */

static void test_group(int level, int option, const char *name)
{
	int s[2], c, on = 1, i, v = 0, two = 2;
	struct sockaddr_xrpc from;
	socklen_t len = sizeof(v);
	char buf[16];
	pid_t pid;

	for (i = 0; i < 2; i++) {
		s[i] = xrpc_socket();
		if (setsockopt(s[i], level, option, &on, sizeof(on))) {
			ok(errno == EOPNOTSUPP || errno == ENOPROTOOPT,
			   "%s # SKIP this kernel does not let a family have it",
			   name);
			close(s[i]);
			return;
		}
		ok(!bind(s[i], (void *)&server, sizeof(server)) &&
		   !getsockopt(s[i], level, option, &v, &len) && v == 1,
		   "%s: bound", name);
	}
	fails(setsockopt(s[0], level, option, &on, sizeof(on)), EINVAL,
	      "%s: not once bound", name);
	c = xrpc_socket();
	if (level == SOL_XRPC)
		fails(setsockopt(c, level, option, &two, sizeof(two)), EINVAL,
		      "%s: 0 or 1", name);
	close(c);
	pid = fork();
	if (!pid) {
		if (setuid(1000))
			_exit(1);
		i = xrpc_socket();
		setsockopt(i, level, option, &on, sizeof(on));
		_exit(!bind(i, (void *)&server, sizeof(server)) ||
		      errno != EACCES);
	}
	ok(!status_of(pid), "%s: not with another user", name);
	c = client_to(server);
	send(c, "1", 1, 0);
	send(c, "2", 1, 0);
	ok(get_request(s[0], buf, 16, &from) == 1, "%s: each gets a call",
	   name);
	fails(give_answer(s[1], "x", 1, &from), EINVAL,
	      "%s: a sibling does not answer", name);
	give_answer(s[0], "x", 1, &from);
	ok(get_request(s[1], buf, 16, &from) == 1 &&
	   give_answer(s[1], "y", 1, &from) == 1 &&
	   recv(c, buf, 16, 0) == 1 && recv(c, buf, 16, 0) == 1,
	   "%s: both are answered", name);
	close(c);
	close(s[0]);
	close(s[1]);
}

/* A handle is of one socket, also when another takes its place. */
static void test_handles(void)
{
	int s = server_at(server), c = client_to(server), i, bad = 0;
	struct sockaddr_xrpc from, old[100];
	char buf[16];

	for (i = 0; i < 100; i++) {
		send(c, "x", 1, 0);
		get_request(s, buf, 16, &old[i]);
		for (int j = 0; j < i; j++)
			bad += old[j].sxr_call == old[i].sxr_call;
		give_answer(s, "y", 1, &old[i]);
		recv(c, buf, 16, 0);
	}
	ok(!bad, "handles are never given again");
	for (i = 0; i < 100; i++)
		bad += give_answer(s, "y", 1, &old[i]) != -1 ||
		       errno != EALREADY;
	ok(!bad, "and each has been answered");
	send(c, "x", 1, 0);
	get_request(s, buf, 16, &from);
	close(s);
	recv(c, buf, 16, 0);
	s = server_at(server);
	fails(give_answer(s, "x", 1, &from), EINVAL,
	      "the next socket there does not have the last one's");
	from.sxr_call = ~0ULL;
	fails(give_answer(s, "x", 1, &from), EINVAL, "nor any other number");
	close(s);
	close(c);
}

/* ---- how calls end --------------------------------------------------- */

static unsigned int outcome_of[256];

/* A call ends so, and that errno always does. */
static void ends(int c, const char *what, unsigned int outcome, int err)
{
	struct told t;
	char buf[8];
	bool good;

	if (!receive(c, MSG_PEEK, &t)) {
		ok(false, "%s", what);
		return;
	}
	good = t.ended && !t.n && t.result.outcome == outcome &&
	       t.result.error == (unsigned int)err &&
	       (!outcome_of[err] || outcome_of[err] == outcome);
	outcome_of[err] = outcome;
	if (!good)
		printf("# outcome %u, error %u\n", t.result.outcome,
		       t.result.error);
	/* and without information the same is the errno */
	setsockopt(c, SOL_XRPC, XRPC_RECVINFO, &(int){ 0 }, sizeof(int));
	good &= recv(c, buf, sizeof(buf), 0) == -1 && errno == err;
	recvinfo(c);
	ok(good, "%s", what);
	ok(!ready(c, POLLIN, 0) && !getsockopt(c, SOL_SOCKET, SO_ERROR,
	   &(int){ 0 }, &(socklen_t){ sizeof(int) }), "told once");
}

static void test_outcomes(void)
{
	uint64_t us = 200000, name = 1, long_us = 20000000;
	struct info named = { XRPC_COOKIE, &name, 8, 0 };
	struct info cancel = { XRPC_CANCEL, &name, 8, 0 };
	struct info soon = { XRPC_DEADLINE, &us, 8, 0 };
	const unsigned int no = XRPC_NOT_EXECUTED, maybe = XRPC_UNKNOWN;
	int s = server_at(server), c = client_to(server), small = 1, i;
	struct sockaddr_xrpc from;
	static char big[4000];
	struct told t;
	char buf[16];

	recvinfo(c);
	sendto(c, "x", 1, 0, (void *)&(struct sockaddr_xrpc){
	       .sxr_family = AF_XRPC, .sxr_port = server.sxr_port,
	       .sxr_addr = server.sxr_addr, .sxr_service = 9 },
	       sizeof(server));
	ends(c, "no such service", no, ECONNREFUSED);
	send_infos(c, NULL, "x", 0, &named, 1);
	usleep(10000);
	send_infos(c, NULL, "", 0, &cancel, 1);
	ends(c, "cancelled in the queue", no, ECANCELED);
	send_infos(c, NULL, "x", 0, &named, 1);
	get_request(s, buf, 16, &from);
	send_infos(c, NULL, "", 0, &cancel, 1);
	ends(c, "cancelled when delivered", maybe, ECONNRESET);
	fails(give_answer(s, "x", 1, &from), ECANCELED, "its answer is late");
	send_infos(c, NULL, "x", 0, &soon, 1);
	get_request(s, buf, 16, &from);
	ends(c, "a deadline that passes at the server", maybe, ETIMEDOUT);
	i = give_answer(s, "x", 1, &from);
	ok(i == -1 && (errno == ETIMEDOUT || errno == ECANCELED),
	   "its answer is late as well");
	setsockopt(s, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	for (i = 0; i < 2; i++)
		send(c, big, sizeof(big), 0);
	ends(c, "a full queue", no, EBUSY);
	get_request(s, big, sizeof(big), &from);
	give_answer(s, "", 0, &from);
	receive(c, 0, &t);
	shutdown(s, SHUT_RD);
	send(c, "x", 1, 0);
	ends(c, "a drain", no, ESHUTDOWN);
	close(s);
	close(c);

	s = server_at(server);
	c = client_to(server);
	recvinfo(c);
	send(c, "x", 1, 0);
	get_request(s, buf, 16, &from);
	close(s);
	ends(c, "a server that dies with it", maybe, ECONNRESET);
	close(c);

	/* a host that is not there: nothing is ever sent */
	c = client_to(at("127.0.0.1", PORT + 9, 0));
	recvinfo(c);
	setsockopt(c, SOL_XRPC, XRPC_DEFAULT_DEADLINE, &us, sizeof(us));
	send(c, "x", 1, 0);
	ends(c, "a deadline before anything was sent", no, ETIME);
	close(c);
	c = client_to(at("127.0.0.1", PORT + 9, 0));
	recvinfo(c);
	setsockopt(c, SOL_XRPC, XRPC_DEFAULT_DEADLINE, &long_us,
		   sizeof(long_us));
	send(c, "x", 1, 0);
	ends(c, "no sign of life, and nothing was sent", no, EHOSTUNREACH);
	close(c);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	tap_begin();
	server = at("127.0.0.1", PORT, 0);
	test_fork();
	test_passing();
	test_group(SOL_XRPC, XRPC_REUSEPORT, "XRPC_REUSEPORT");
	test_group(SOL_SOCKET, SO_REUSEPORT, "SO_REUSEPORT");
	test_handles();
	test_outcomes();
	return tap_end();
}
