// SPDX-License-Identifier: GPL-2.0
/*
 * xrpc-test: mode=icount kernels=6.1,6.12,debug timeout=300
 *
 * The socket interface, each part of it with good and bad arguments.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "tap.h"

#define PORT 4000

static char big[XRPC_MSG_MAX + 1], room[XRPC_MSG_MAX + 1];

static void test_socket(void)
{
	fails(socket(AF_XRPC, SOCK_STREAM, 0), ESOCKTNOSUPPORT,
	      "no streams");
	fails(socket(AF_XRPC, SOCK_DGRAM, 0), ESOCKTNOSUPPORT,
	      "no datagrams");
	fails(socket(AF_XRPC, SOCK_RDM, 1), EPROTONOSUPPORT,
	      "no protocol but 0");
}

static int try_bind(struct sockaddr_xrpc a, socklen_t len)
{
	int fd = xrpc_socket(), ret, err;

	ret = bind(fd, (void *)&a, len);
	err = errno;
	close(fd);
	errno = err;
	return ret;
}

static void test_bind(void)
{
	struct sockaddr_xrpc a = at("127.0.0.1", PORT, 0), b;
	socklen_t len = sizeof(b);
	int fd, other;
	pid_t pid;
	int st;

	fails(try_bind(a, sizeof(a) - 1), EINVAL, "bind: short address");
	b = a;
	b.sxr_family = AF_INET;
	fails(try_bind(b, sizeof(b)), EAFNOSUPPORT, "bind: another family");
	b = a;
	b.sxr_reserved = 1;
	fails(try_bind(b, sizeof(b)), EINVAL, "bind: reserved field set");
	b = a;
	b.sxr_call = 7;
	fails(try_bind(b, sizeof(b)), EINVAL, "bind: handle set");
	b = a;
	b.sxr_scope_id = 1;
	fails(try_bind(b, sizeof(b)), EINVAL, "bind: scope without link");
	fails(try_bind(at("224.0.0.1", PORT, 0), sizeof(b)), EINVAL,
	      "bind: multicast");
	fails(try_bind(at("203.0.113.7", PORT, 0), sizeof(b)), EADDRNOTAVAIL,
	      "bind: somebody else's address");

	fd = server_at(a);
	fails(bind(fd, (void *)&a, sizeof(a)), EINVAL, "bind: a second time");
	fails(try_bind(a, sizeof(a)), EADDRINUSE, "bind: service is taken");
	ok(!try_bind(at("127.0.0.1", PORT, 5), sizeof(a)),
	   "bind: another service at the same port");
	ok(!getsockname(fd, (void *)&b, &len) && len == sizeof(b) &&
	   !memcmp(&a, &b, sizeof(a)), "getsockname gives what was bound");
	fails(getpeername(fd, (void *)&b, &len), ENOTCONN,
	      "getpeername: not connected");

	pid = fork();
	if (!pid) {
		if (setuid(1000))
			_exit(9);
		if (try_bind(at("127.0.0.1", PORT, 6), sizeof(a)) != -1 ||
		    errno != EACCES)
			_exit(1);
		if (try_bind(at("127.0.0.1", 80, 0), sizeof(a)) != -1 ||
		    errno != EACCES)
			_exit(2);
		_exit(0);
	}
	waitpid(pid, &st, 0);
	ok(WIFEXITED(st) && !WEXITSTATUS(st),
	   "bind: another user's endpoint and low ports: EACCES (%d)", st);
	close(fd);

	other = xrpc_socket();
	a = at("::", 0, 3);
	ok(!bind(other, (void *)&a, sizeof(a)) &&
	   !getsockname(other, (void *)&b, &len) && b.sxr_port &&
	   b.sxr_service == 3, "bind: port 0 is any");
	close(other);
}

static void test_connect(void)
{
	struct sockaddr_xrpc a = at("127.0.0.1", PORT, 0), b;
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	socklen_t len = sizeof(b);
	int fd = xrpc_socket();

	fails(send(fd, "x", 1, 0), EDESTADDRREQ, "send: no destination");
	fails(connect(fd, (void *)&a, 8), EINVAL, "connect: short address");
	ok(!connect(fd, (void *)&a, sizeof(a)), "connect");
	ok(!getpeername(fd, (void *)&b, &len) && !memcmp(&a, &b, sizeof(a)),
	   "getpeername gives what was connected to");
	ok(!getsockname(fd, (void *)&b, &len) && b.sxr_port,
	   "connect binds to a port");
	ok(!connect(fd, &none, sizeof(none)), "AF_UNSPEC disconnects");
	fails(send(fd, "x", 1, 0), EDESTADDRREQ, "and then it is");
	fails(listen(fd, 1), EOPNOTSUPP, "no listen");
	close(fd);
}

/* The classic server and client, over both families and all sizes. */
static void test_calls(const char *host)
{
	static const size_t sizes[] = { 0, 1, 100, 1400, 1500, 9000, 65535,
					XRPC_MSG_MAX };
	struct sockaddr_xrpc a = at(host, PORT, 0), from, src;
	int s = server_at(a), c = xrpc_socket();
	socklen_t len = sizeof(src);
	unsigned int i;
	ssize_t n;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		memset(big, 'a' + i, sizes[i]);
		sendto(c, big, sizes[i], 0, (void *)&a, sizeof(a));
		memset(room, 0, sizeof(room));
		n = get_request(s, room, sizeof(room), &from);
		ok(n == (ssize_t)sizes[i] && !memcmp(big, room, n) &&
		   from.sxr_family == AF_XRPC && from.sxr_call,
		   "%s: a request of %zu bytes arrives", host, sizes[i]);
		ok(give_answer(s, room, n, &from) == n, "%s: is answered",
		   host);
		memset(room, 0, sizeof(room));
		len = sizeof(src);
		n = recvfrom(c, room, sizeof(room), 0, (void *)&src, &len);
		ok(n == (ssize_t)sizes[i] && !memcmp(big, room, n) &&
		   !memcmp(&src, &a, sizeof(a)),
		   "%s: and the reply comes from where it was sent", host);
	}
	fails(sendto(c, big, XRPC_MSG_MAX + 1, 0, (void *)&a, sizeof(a)),
	      EMSGSIZE, "%s: a byte more is too long", host);
	close(s);
	close(c);
}

static void test_handles(void)
{
	struct sockaddr_xrpc a = at("127.0.0.1", PORT, 0), from, other;
	int s = server_at(a), c = client_to(a), s2, pipefd;
	struct msghdr m = {};
	char buf[16];
	ssize_t n;

	send(c, "ab", 2, 0);
	/* no room for the address: it could never be answered */
	fails(recv(s, buf, sizeof(buf), 0), EDESTADDRREQ,
	      "a request needs room for its address");
	socklen_t len = sizeof(from);
	n = recvfrom(s, buf, sizeof(buf), MSG_PEEK, (void *)&from, &len);
	ok(n == 2, "peek shows it");
	fails(give_answer(s, "x", 1, &from), EINVAL,
	      "a peeked handle cannot be answered");
	n = get_request(s, buf, sizeof(buf), &other);
	ok(n == 2 && !memcmp(&other, &from, sizeof(from)),
	   "receive gives the same address");
	other = from;
	other.sxr_service ^= 1;
	fails(give_answer(s, "x", 1, &other), EINVAL,
	      "an altered address is refused");
	other = from;
	other.sxr_call += 1 << 20;
	fails(give_answer(s, "x", 1, &other), EINVAL,
	      "an invented handle is refused");
	s2 = server_at(at("127.0.0.1", PORT, 9));
	fails(give_answer(s2, "x", 1, &from), EINVAL,
	      "another socket's handle is refused");
	close(s2);
	fails(give_answer(s, (void *)8, 1, &from), EFAULT,
	      "an answer that cannot be read");
	pipefd = dup(s);
	ok(give_answer(pipefd, "xyz", 3, &from) == 3,
	   "a duplicate of the descriptor answers");
	close(pipefd);
	fails(give_answer(s, "x", 1, &from), EALREADY, "once only");
	n = recv(c, buf, 2, MSG_TRUNC);
	ok(n == 3, "MSG_TRUNC gives the whole length");

	send(c, "cdef", 4, 0);
	struct iovec iov = { buf, 2 };
	m.msg_iov = &iov;
	m.msg_iovlen = 1;
	m.msg_name = &from;
	m.msg_namelen = sizeof(from);
	n = recvmsg(s, &m, 0);
	ok(n == 2 && m.msg_flags & MSG_TRUNC && m.msg_namelen == sizeof(from),
	   "a truncated request is delivered and says so");
	close(c);
	usleep(100000);
	fails(give_answer(s, "x", 1, &from), ETIMEDOUT,
	      "an answer to a client that is gone");
	close(s);
}

static void *blocked_recv(void *arg)
{
	char buf[4];

	return (void *)(long)(recv(*(int *)arg, buf, sizeof(buf), 0) ? errno :
			      0);
}

static void test_waiting(void)
{
	struct sockaddr_xrpc a = at("127.0.0.1", PORT, 0), from;
	int s = server_at(a), c = client_to(a), ep;
	struct timeval tv = { .tv_usec = 50000 };
	struct pollfd p = { .fd = s, .events = POLLIN | POLLOUT | POLLRDHUP };
	struct epoll_event ev = { .events = EPOLLIN };
	char buf[8];
	pthread_t t;
	void *ret;

	fails(recv(s, buf, 8, MSG_DONTWAIT), EAGAIN, "MSG_DONTWAIT");
	fails(recv(s, buf, 8, MSG_OOB), EINVAL, "an unknown flag");
	fails(send(c, buf, 8, MSG_MORE), EINVAL, "an unknown flag to send");
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	fails(recv(s, buf, 8, 0), EAGAIN, "SO_RCVTIMEO ends a wait");
	fcntl(s, F_SETFL, O_NONBLOCK);
	fails(read(s, buf, 8), EAGAIN, "O_NONBLOCK");
	fcntl(s, F_SETFL, 0);
	ok(poll(&p, 1, 0) == 1 && p.revents == POLLOUT,
	   "poll: writable, nothing to read");
	ep = epoll_create1(0);
	epoll_ctl(ep, EPOLL_CTL_ADD, s, &ev);
	ok(!epoll_wait(ep, &ev, 1, 0), "epoll: nothing");
	ok(write(c, "q", 1) == 1, "write is a call to the connected peer");
	ok(epoll_wait(ep, &ev, 1, 5000) == 1 && ev.events & EPOLLIN,
	   "epoll wakes for a request");
	ok(poll(&p, 1, 0) == 1 && p.revents & POLLIN, "poll: a request");
	get_request(s, buf, 8, &from);
	p.fd = c;
	p.events = POLLIN;
	give_answer(s, "r", 1, &from);
	ok(poll(&p, 1, 5000) == 1 && p.revents & POLLIN, "poll: a reply");
	ok(read(c, buf, 8) == 1 && *buf == 'r', "read takes a reply");
	close(ep);

	/* draining */
	write(c, "1", 1);
	p.fd = s;
	poll(&p, 1, 5000);
	p.events = POLLIN | POLLRDHUP;
	ok(!shutdown(s, SHUT_RD), "SHUT_RD");
	write(c, "2", 1);
	fails(recv(c, buf, 8, 0), ESHUTDOWN, "new calls are refused by a drain");
	ok(get_request(s, buf, 8, &from) == 1 && *buf == '1',
	   "what was queued stays readable");
	ok(give_answer(s, "d", 1, &from) == 1 && recv(c, buf, 8, 0) == 1,
	   "and can be answered");
	ok(!recv(s, buf, 8, 0), "then there is no more to read");
	ok(poll(&p, 1, 0) == 1 && p.revents & POLLRDHUP && !(p.revents & POLLHUP),
	   "poll says so");
	ok(!shutdown(c, SHUT_WR), "SHUT_WR");
	fails(send(c, "x", 1, MSG_NOSIGNAL), EPIPE, "no calls after SHUT_WR");
	close(s);
	close(c);

	s = server_at(at("127.0.0.1", PORT + 1, 0));
	pthread_create(&t, NULL, blocked_recv, &s);
	usleep(50000);
	shutdown(s, SHUT_RDWR);
	pthread_join(t, &ret);
	ok(!ret, "shutdown wakes who waits to receive");
	p.fd = s;
	ok(poll(&p, 1, 0) == 1 && p.revents & POLLHUP, "poll: hung up");
	close(s);
	c = xrpc_socket();
	fails(shutdown(c, SHUT_RD), ENOTCONN, "shutdown of a fresh socket");
	close(c);
}

/* A send with one control message. */
static ssize_t send_with(int fd, int type, const void *data, size_t len)
{
	char control[CMSG_SPACE(16)] = {};
	struct iovec iov = { "m", 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = CMSG_SPACE(len) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_XRPC;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
	return sendmsg(fd, &m, 0);
}

/* What a receive told. */
struct told {
	ssize_t n;
	uint64_t cookie, deadline;
	uint32_t method, status;
	struct xrpc_result res;
	struct sockaddr_xrpc from;
};

static struct told tell(int fd)
{
	struct told t = { .res.outcome = 99 };
	char control[256], buf[64];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_name = &t.from,
			    .msg_namelen = sizeof(t.from),
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c;

	t.n = recvmsg(fd, &m, 0);
	if (t.n < 0)
		return t;
	for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		void *d = CMSG_DATA(c);

		switch (c->cmsg_type) {
		case XRPC_COOKIE:
			memcpy(&t.cookie, d, 8);
			break;
		case XRPC_DEADLINE:
			memcpy(&t.deadline, d, 8);
			break;
		case XRPC_METHOD:
			memcpy(&t.method, d, 4);
			break;
		case XRPC_STATUS:
			memcpy(&t.status, d, 4);
			break;
		case XRPC_OUTCOME:
			memcpy(&t.res, d, sizeof(t.res));
			break;
		}
	}
	return t;
}

static void test_infos(void)
{
	struct sockaddr_xrpc a = at("127.0.0.1", PORT, 0);
	int s = server_at(a), c = client_to(a), one = 1, two = 2;
	uint32_t method = 42, status = 7;
	uint64_t cookie = 0x1122334455667788ULL, us = 5000000, v;
	socklen_t len = sizeof(v);
	struct told t;
	char ctl[CMSG_SPACE(4)] = {};

	fails(setsockopt(c, SOL_XRPC, 99, &one, sizeof(one)), ENOPROTOOPT,
	      "an unknown option");
	fails(setsockopt(c, SOL_XRPC, XRPC_RECVINFO, &two, sizeof(two)),
	      EINVAL, "an option out of range");
	fails(setsockopt(c, SOL_XRPC, XRPC_RECVINFO, &one, 2), EINVAL,
	      "a short option");
	ok(!setsockopt(c, SOL_XRPC, XRPC_RECVINFO, &one, sizeof(one)) &&
	   !setsockopt(s, SOL_XRPC, XRPC_RECVINFO, &one, sizeof(one)),
	   "XRPC_RECVINFO");
	ok(!getsockopt(c, SOL_XRPC, XRPC_DEFAULT_DEADLINE, &v, &len) &&
	   v == 30000000, "the default deadline is 30 s");
	v = 0;
	fails(setsockopt(c, SOL_XRPC, XRPC_DEFAULT_DEADLINE, &v, sizeof(v)),
	      EINVAL, "no deadline of 0");

	ok(send_with(c, XRPC_METHOD, &method, 4) == 1, "a method is sent");
	t = tell(s);
	ok(t.n == 1 && t.method == 42, "and received");
	struct iovec iov = { "r", 1 };
	struct msghdr m = { .msg_name = &t.from,
			    .msg_namelen = sizeof(t.from),
			    .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = ctl,
			    .msg_controllen = sizeof(ctl) };
	struct cmsghdr *cm = CMSG_FIRSTHDR(&m);

	cm->cmsg_level = SOL_XRPC;
	cm->cmsg_type = XRPC_STATUS;
	cm->cmsg_len = CMSG_LEN(4);
	memcpy(CMSG_DATA(cm), &status, 4);
	ok(sendmsg(s, &m, 0) == 1, "an answer with a status");
	t = tell(c);
	ok(t.n == 1 && t.status == 7 && t.res.outcome == XRPC_REPLIED &&
	   !t.res.error, "is told with the outcome");

	ok(send_with(c, XRPC_COOKIE, &cookie, 8) == 1, "a cookie");
	fails(send_with(c, XRPC_COOKIE, &cookie, 8), EEXIST,
	      "is unique among live calls");
	t = tell(s);
	give_answer(s, "x", 1, &t.from);
	t = tell(c);
	ok(t.cookie == cookie, "comes back with the reply");
	ok(send_with(c, XRPC_COOKIE, &cookie, 8) == 1, "and is free again");
	t = tell(s);
	give_answer(s, "x", 1, &t.from);
	tell(c);

	ok(send_with(c, XRPC_DEADLINE, &us, 8) == 1, "a deadline");
	t = tell(s);
	ok(t.deadline > 4000000 && t.deadline <= us,
	   "arrives as what is left of it");
	give_answer(s, "x", 1, &t.from);
	tell(c);
	us = 100000;
	send_with(c, XRPC_DEADLINE, &us, 8);
	t = tell(c);
	ok(!t.n && t.res.outcome == XRPC_UNKNOWN && t.res.error == ETIMEDOUT,
	   "a deadline that passes ends the call unknown");
	fails(recv(s, &v, 8, MSG_DONTWAIT), EAGAIN,
	      "and the request is not delivered any more");
	us = 0x100000000ULL;
	fails(send_with(c, XRPC_DEADLINE, &us, 8), EINVAL,
	      "a deadline too far");
	fails(send_with(c, XRPC_DEADLINE, &us, 4), EINVAL, "a short cmsg");
	fails(send_with(c, 77, &us, 4), EINVAL, "an unknown cmsg");
	fails(send_with(c, XRPC_STATUS, &status, 4), EINVAL,
	      "a status with a request");
	close(s);
	close(c);
}

static void test_refusals(void)
{
	struct sockaddr_xrpc a = at("127.0.0.1", PORT, 0), from;
	int s = server_at(a), c, one = 1, small = 1, i, busy = 0;
	char buf[4096];
	struct told t;

	c = client_to(at("127.0.0.1", PORT, 1234));
	send(c, "x", 1, 0);
	fails(recv(c, buf, 8, 0), ECONNREFUSED, "no such service");
	setsockopt(c, SOL_XRPC, XRPC_RECVINFO, &one, sizeof(one));
	send(c, "x", 1, 0);
	t = tell(c);
	ok(!t.n && t.res.outcome == XRPC_NOT_EXECUTED &&
	   t.res.error == ECONNREFUSED, "is told as not executed");
	close(c);

	c = client_to(a);
	setsockopt(c, SOL_XRPC, XRPC_RECVINFO, &one, sizeof(one));
	setsockopt(s, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	for (i = 0; i < 20; i++)
		send(c, big, 1000, 0);
	for (i = 0; i < 10; i++) {
		t = tell(c);
		busy += t.res.error == EBUSY &&
			t.res.outcome == XRPC_NOT_EXECUTED;
	}
	ok(busy == 10, "a full queue refuses calls: EBUSY (%d)", busy);
	ok(get_request(s, buf, sizeof(buf), &from) == 1000,
	   "those in it are served");
	close(c);

	c = client_to(a);
	setsockopt(c, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	for (i = 0; i < 100; i++) {
		if (send(c, big, 4000, MSG_DONTWAIT) < 0)
			break;
	}
	ok(i < 100 && errno == EAGAIN, "SO_SNDBUF bounds what is under way");
	close(c);

	/* the server dies with a request delivered and one not */
	close(s);
	s = server_at(at("127.0.0.1", PORT + 2, 0));
	c = client_to(at("127.0.0.1", PORT + 2, 0));
	setsockopt(c, SOL_XRPC, XRPC_RECVINFO, &one, sizeof(one));
	send(c, "1", 1, 0);
	get_request(s, buf, 8, &from);
	send(c, "2", 1, 0);
	usleep(50000);
	close(s);
	int unknown = 0, refused = 0;

	for (i = 0; i < 2; i++) {
		t = tell(c);
		unknown += t.res.outcome == XRPC_UNKNOWN;
		refused += t.res.outcome == XRPC_NOT_EXECUTED;
	}
	ok(unknown == 1 && refused == 1,
	   "a dying server: delivered is unknown, queued is not executed");
	close(c);
}

static int do_call(int fd, struct xrpc_call_args *a, const char *req)
{
	memset(a, 0, sizeof(*a));
	a->req = (uintptr_t)req;
	a->req_len = strlen(req);
	a->reply = (uintptr_t)room;
	a->reply_len = sizeof(room);
	return ioctl(fd, XRPC_IOC_CALL, a);
}

static void *echo_server(void *arg)
{
	static char buf[XRPC_MSG_MAX];
	struct xrpc_serve_args a = {};
	int fd = *(int *)arg;

	for (;;) {
		a.req = (uintptr_t)buf;
		a.req_len = sizeof(buf);
		a.reply = (uintptr_t)buf;
		a.status = a.method;
		a.flags = 0;
		if (ioctl(fd, XRPC_IOC_SERVE, &a)) {
			if (errno != ECANCELED)
				return (void *)(long)errno;
			/* the client gave up: no answer, the next request */
			a.call = 0;
			a.req_len = 0;
			continue;
		}
		if (a.req_len == 4 && !memcmp(buf, "wait", 4))
			sleep(1);
		a.reply_len = a.req_len;
	}
}

static void *many_calls(void *arg)
{
	int fd = *(int *)arg, i;
	char req[32], rep[32];

	for (i = 0; i < 50; i++) {
		struct xrpc_call_args a = {
			.req = (uintptr_t)req, .reply = (uintptr_t)rep,
			.req_len = sprintf(req, "%lx %d", pthread_self(), i),
			.reply_len = sizeof(rep),
		};

		if (ioctl(fd, XRPC_IOC_CALL, &a) ||
		    a.reply_len != a.req_len || memcmp(req, rep, a.req_len))
			return (void *)1;
	}
	return NULL;
}

static void nothing(int sig)
{
	(void)sig;
}

static void test_one_syscall(void)
{
	struct sockaddr_xrpc a = at("127.0.0.1", PORT, 0);
	struct sigaction sa = { .sa_handler = nothing };
	int s = server_at(a), c = client_to(a), i;
	struct xrpc_serve_args sv = { .flags = XRPC_SERVE_DONTWAIT };
	struct xrpc_call_args ca;
	struct itimerval it = { .it_value.tv_usec = 100000 };
	pthread_t t, many[8];
	void *ret;
	long bad = 0;

	fails(ioctl(c, 0xdead, &ca), ENOTTY, "an unknown ioctl");
	fails(ioctl(c, XRPC_IOC_CALL, (void *)8), EFAULT,
	      "arguments that cannot be read");
	fails(ioctl(s, XRPC_IOC_SERVE, &sv), EAGAIN,
	      "XRPC_IOC_SERVE: nothing there");
	sv.flags = 0x80;
	fails(ioctl(s, XRPC_IOC_SERVE, &sv), EINVAL, "an unknown flag");
	sv.flags = 0;
	sv.call = 12345;
	fails(ioctl(s, XRPC_IOC_SERVE, &sv), EINVAL, "an invented handle");
	ok(!(sv.flags & XRPC_SERVE_ANSWERED), "is not said to be answered");
	pthread_create(&t, NULL, echo_server, &s);

	memset(room, 0, sizeof(room));
	ok(!do_call(c, &ca, "hello") && ca.reply_len == 5 &&
	   !memcmp(room, "hello", 5) && ca.outcome == XRPC_REPLIED &&
	   !ca.error && !ca.status, "XRPC_IOC_CALL");
	memset(&ca, 0, sizeof(ca));
	ca.req = (uintptr_t)"abcdef";
	ca.req_len = 6;
	ca.reply = (uintptr_t)room;
	ca.reply_len = 3;
	ca.method = 77;
	ok(!ioctl(c, XRPC_IOC_CALL, &ca) && ca.reply_len == 6 &&
	   ca.flags & XRPC_CALL_TRUNC && ca.status == 77,
	   "a reply with less room, method and status");
	ca.flags = 0;
	ca.reserved[1] = 1;
	fails(ioctl(c, XRPC_IOC_CALL, &ca), EINVAL, "a reserved field");
	ok(ca.outcome == XRPC_NOT_EXECUTED && ca.error == EINVAL,
	   "is told as not executed");
	ca.reserved[1] = 0;
	ca.req = 8;
	fails(ioctl(c, XRPC_IOC_CALL, &ca), EFAULT, "a bad request pointer");
	ca.req = (uintptr_t)"x";
	ca.req_len = XRPC_MSG_MAX + 1;
	fails(ioctl(c, XRPC_IOC_CALL, &ca), EMSGSIZE, "a request too long");
	ca.req_len = 1;
	ca.reply = 8;
	ca.reply_len = 8;
	fails(ioctl(c, XRPC_IOC_CALL, &ca), EFAULT, "a bad reply pointer");

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
	fails(do_call(c, &ca, "wait"), EINTR, "a signal ends the wait");
	ok(ca.outcome == XRPC_UNKNOWN && ca.error == EINTR,
	   "and the call is told as unknown");

	for (i = 0; i < 8; i++)
		pthread_create(&many[i], NULL, many_calls, &c);
	for (i = 0; i < 8; i++) {
		pthread_join(many[i], &ret);
		bad += (long)ret;
	}
	ok(!bad, "threads share a socket: each gets its own reply");
	shutdown(s, SHUT_RD);
	pthread_join(t, &ret);
	ok((long)ret == ESHUTDOWN,
	   "a drained server's loop ends");
	close(s);
	close(c);
}

/* A descriptor that another process has answers as well. */
static void test_fork(void)
{
	struct sockaddr_xrpc a = at("127.0.0.1", PORT, 0), from;
	int s = server_at(a), c = client_to(a), st;
	char buf[8];
	pid_t pid;

	send(c, "f", 1, 0);
	get_request(s, buf, sizeof(buf), &from);
	pid = fork();
	if (!pid)
		_exit(give_answer(s, "child", 5, &from) != 5);
	waitpid(pid, &st, 0);
	ok(!st && recv(c, buf, 8, 0) == 5, "a child answers for its parent");
	close(s);
	close(c);
}

static void test_namespaces(void)
{
	struct sockaddr_xrpc a = at("127.0.0.1", PORT, 0);
	int s = server_at(a), c, s2;
	uint64_t us = 300000;
	char buf[8];

	if (unshare(CLONE_NEWNET)) {
		ok(false, "a new namespace");
		return;
	}
	c = system("ip link set lo up");
	s2 = server_at(a);
	ok(s2 >= 0, "the same address in another namespace");
	close(s2);
	c = client_to(at("127.0.0.1", PORT + 7, 0));
	setsockopt(c, SOL_XRPC, XRPC_DEFAULT_DEADLINE, &us, sizeof(us));
	send(c, "x", 1, 0);
	fails(recv(c, buf, 8, 0), ETIME,
	      "nothing there to talk to: not executed");
	fails(recv(s, buf, 8, MSG_DONTWAIT), EAGAIN,
	      "and nothing comes through to the first");
	close(c);
	close(s);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	tap_begin();
	test_socket();
	test_bind();
	test_connect();
	test_calls("127.0.0.1");
	test_calls("::1");
	test_handles();
	test_waiting();
	test_infos();
	test_refusals();
	test_one_syscall();
	test_fork();
	test_namespaces();
	return tap_end();
}
