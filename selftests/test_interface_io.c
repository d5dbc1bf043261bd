// SPDX-License-Identifier: GPL-2.0
/*
 * xrpc-test: mode=icount kernels=6.1,6.12,debug timeout=300
 *
 * All ways to send and to receive, their flags, and control messages that are
 * good, bad, doubled and unknown.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/uio.h>

#include "infos.h"
#include "uring.h"

#define PORT	4400

static struct sockaddr_xrpc server;
static struct uring ring;
static bool uring;

/* ---- ways to send ---------------------------------------------------- */

/* Each sends a message of six letters, to @to or where @fd is connected. */

static ssize_t by_send(int fd, const struct sockaddr_xrpc *to)
{
	return to ? sendto(fd, "letter", 6, 0, (void *)to, sizeof(*to)) :
		    send(fd, "letter", 6, 0);
}

static struct msghdr letter_msg(struct iovec *iov,
				const struct sockaddr_xrpc *to)
{
	struct msghdr m = { .msg_name = (void *)to,
			    .msg_namelen = to ? sizeof(*to) : 0,
			    .msg_iov = iov, .msg_iovlen = 3 };

	iov[0] = (struct iovec){ "let", 3 };
	iov[1] = (struct iovec){ NULL, 0 };
	iov[2] = (struct iovec){ "ter", 3 };
	return m;
}

static ssize_t by_sendmsg(int fd, const struct sockaddr_xrpc *to)
{
	struct iovec iov[3];
	struct msghdr m = letter_msg(iov, to);

	return sendmsg(fd, &m, MSG_NOSIGNAL);
}

static ssize_t by_sendmmsg(int fd, const struct sockaddr_xrpc *to)
{
	struct iovec iov[3];
	struct mmsghdr m = { .msg_hdr = letter_msg(iov, to) };

	return sendmmsg(fd, &m, 1, 0) == 1 ? (ssize_t)m.msg_len : -1;
}

static ssize_t by_write(int fd, const struct sockaddr_xrpc *to)
{
	(void)to;
	return write(fd, "letter", 6);
}

static ssize_t by_writev(int fd, const struct sockaddr_xrpc *to)
{
	struct iovec iov[3];

	(void)to;
	letter_msg(iov, NULL);
	return writev(fd, iov, 3);
}

static ssize_t by_uring_send(int fd, const struct sockaddr_xrpc *to)
{
	(void)to;
	return uring_do(&ring, IORING_OP_SEND, fd, "letter", 6, 0);
}

static ssize_t by_uring_sendmsg(int fd, const struct sockaddr_xrpc *to)
{
	struct iovec iov[3];
	struct msghdr m = letter_msg(iov, to);

	return uring_do(&ring, IORING_OP_SENDMSG, fd, &m, 1, 0);
}

static ssize_t by_uring_write(int fd, const struct sockaddr_xrpc *to)
{
	(void)to;
	return uring_do(&ring, IORING_OP_WRITE, fd, "letter", 6, 0);
}

static const struct {
	const char *name;
	ssize_t (*send)(int fd, const struct sockaddr_xrpc *to);
	bool to;			/* can name a destination */
	bool uring;
} senders[] = {
	{ "send", by_send, true, false },
	{ "sendmsg", by_sendmsg, true, false },
	{ "sendmmsg", by_sendmmsg, true, false },
	{ "write", by_write, false, false },
	{ "writev", by_writev, false, false },
	{ "io_uring send", by_uring_send, false, true },
	{ "io_uring sendmsg", by_uring_sendmsg, true, true },
	{ "io_uring write", by_uring_write, false, true },
};

/* ---- ways to receive ------------------------------------------------- */

static ssize_t by_recv(int fd, char *buf, struct sockaddr_xrpc *from)
{
	socklen_t len = sizeof(*from);

	return from ? recvfrom(fd, buf, 16, 0, (void *)from, &len) :
		      recv(fd, buf, 16, 0);
}

static struct msghdr room_msg(struct iovec *iov, char *buf,
			      struct sockaddr_xrpc *from)
{
	struct msghdr m = { .msg_name = from,
			    .msg_namelen = from ? sizeof(*from) : 0,
			    .msg_iov = iov, .msg_iovlen = 3 };

	iov[0] = (struct iovec){ buf, 2 };
	iov[1] = (struct iovec){ NULL, 0 };
	iov[2] = (struct iovec){ buf + 2, 14 };
	return m;
}

static ssize_t by_recvmsg(int fd, char *buf, struct sockaddr_xrpc *from)
{
	struct iovec iov[3];
	struct msghdr m = room_msg(iov, buf, from);

	return recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
}

static ssize_t by_recvmmsg(int fd, char *buf, struct sockaddr_xrpc *from)
{
	struct iovec iov[3];
	struct mmsghdr m = { .msg_hdr = room_msg(iov, buf, from) };

	return recvmmsg(fd, &m, 1, MSG_WAITFORONE, NULL) == 1 ?
	       (ssize_t)m.msg_len : -1;
}

static ssize_t by_read(int fd, char *buf, struct sockaddr_xrpc *from)
{
	(void)from;
	return read(fd, buf, 16);
}

static ssize_t by_readv(int fd, char *buf, struct sockaddr_xrpc *from)
{
	struct iovec iov[3];

	(void)from;
	room_msg(iov, buf, NULL);
	return readv(fd, iov, 3);
}

static ssize_t by_uring_recv(int fd, char *buf, struct sockaddr_xrpc *from)
{
	(void)from;
	return uring_do(&ring, IORING_OP_RECV, fd, buf, 16, 0);
}

static ssize_t by_uring_recvmsg(int fd, char *buf, struct sockaddr_xrpc *from)
{
	struct iovec iov[3];
	struct msghdr m = room_msg(iov, buf, from);

	return uring_do(&ring, IORING_OP_RECVMSG, fd, &m, 1, 0);
}

static ssize_t by_uring_read(int fd, char *buf, struct sockaddr_xrpc *from)
{
	(void)from;
	return uring_do(&ring, IORING_OP_READ, fd, buf, 16, 0);
}

static const struct {
	const char *name;
	ssize_t (*receive)(int fd, char *buf, struct sockaddr_xrpc *from);
	bool from;			/* gives the source */
	bool uring;
} receivers[] = {
	{ "recv", by_recv, true, false },
	{ "recvmsg", by_recvmsg, true, false },
	{ "recvmmsg", by_recvmmsg, true, false },
	{ "read", by_read, false, false },
	{ "readv", by_readv, false, false },
	{ "io_uring recv", by_uring_recv, false, true },
	{ "io_uring recvmsg", by_uring_recvmsg, true, true },
	{ "io_uring read", by_uring_read, false, true },
};

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))

static void test_ways(void)
{
	int s = server_at(server), c = client_to(server), u = xrpc_socket();
	struct sockaddr_xrpc from, src;
	char buf[16];
	ssize_t n;
	int i, j;

	for (i = 0; i < COUNT(senders); i++) {
		if (senders[i].uring && !uring)
			continue;
		n = senders[i].send(c, NULL);
		ok(n == 6 && get_request(s, buf, 16, &from) == 6 &&
		   !memcmp(buf, "letter", 6) &&
		   give_answer(s, "r", 1, &from) == 1 &&
		   recv(c, buf, 16, 0) == 1,
		   "%s calls the connected peer", senders[i].name);
		fails(senders[i].send(u, NULL), EDESTADDRREQ,
		      "%s without a destination", senders[i].name);
		if (!senders[i].to)
			continue;
		n = senders[i].send(u, &server);
		ok(n == 6 && get_request(s, buf, 16, &from) == 6 &&
		   !memcmp(buf, "letter", 6), "%s calls an address",
		   senders[i].name);
		n = senders[i].send(s, &from);
		ok(n == 6 && recv(u, buf, 16, 0) == 6 &&
		   !memcmp(buf, "letter", 6), "%s answers", senders[i].name);
		fails(senders[i].send(s, &from), EALREADY, "%s answers once",
		      senders[i].name);
	}

	for (j = 0; j < COUNT(receivers); j++) {
		if (receivers[j].uring && !uring)
			continue;
		send(c, "request", 7, 0);
		memset(buf, 0, sizeof(buf));
		if (receivers[j].from) {
			memset(&from, 0, sizeof(from));
			n = receivers[j].receive(s, buf, &from);
			ok(n == 7 && !memcmp(buf, "request", 7) &&
			   from.sxr_call, "%s takes a request",
			   receivers[j].name);
		} else {
			fails(receivers[j].receive(s, buf, NULL), EDESTADDRREQ,
			      "%s has no room for a request's address",
			      receivers[j].name);
			ok(get_request(s, buf, 16, &from) == 7,
			   "and leaves it in the queue");
		}
		give_answer(s, "the reply", 9, &from);
		memset(buf, 0, sizeof(buf));
		memset(&src, 0, sizeof(src));
		n = receivers[j].receive(c, buf,
					 receivers[j].from ? &src : NULL);
		ok(n == 9 && !memcmp(buf, "the reply", 9) &&
		   (!receivers[j].from ||
		    !memcmp(&src, &server, sizeof(src))),
		   "%s takes a reply", receivers[j].name);
		send(c, "request", 7, 0);
		get_request(s, buf, 16, &from);
		give_answer(s, "", 0, &from);
		ok(!receivers[j].receive(c, buf, receivers[j].from ? &src :
					 NULL), "%s takes an empty reply",
		   receivers[j].name);
	}
	fails(recv(s, buf, 16, MSG_DONTWAIT), EAGAIN, "nothing is left over");
	close(s);
	close(c);
	close(u);
}

static void test_many(void)
{
	int s = server_at(server), c = client_to(server), i;
	struct sockaddr_xrpc from[8];
	struct iovec iov[8];
	struct mmsghdr m[8];
	char buf[8][8];
	bool good;

	for (i = 0; i < 8; i++) {
		iov[i] = (struct iovec){ "12345678", i };
		m[i] = (struct mmsghdr){ .msg_hdr = {
			.msg_iov = &iov[i], .msg_iovlen = 1 } };
	}
	good = sendmmsg(c, m, 8, 0) == 8;
	for (i = 0; i < 8; i++)
		good &= m[i].msg_len == (unsigned int)i;
	ok(good, "sendmmsg starts many calls");
	ready(s, POLLIN, 1000);
	usleep(10000);
	for (i = 0; i < 8; i++) {
		iov[i] = (struct iovec){ buf[i], 8 };
		m[i].msg_hdr.msg_name = &from[i];
		m[i].msg_hdr.msg_namelen = sizeof(from[i]);
	}
	good = recvmmsg(s, m, 8, MSG_DONTWAIT, NULL) == 8;
	for (i = 0; i < 8; i++) {
		good &= m[i].msg_len == (unsigned int)i &&
			from[i].sxr_call && !memcmp(buf[i], "12345678", i);
		iov[i].iov_len = m[i].msg_len;
	}
	ok(good, "recvmmsg takes them, in their order");
	/* the last address is bad */
	from[7].sxr_service++;
	ok(sendmmsg(s, m, 8, 0) == 7, "sendmmsg answers as many as it can");
	from[7].sxr_service--;
	ok(sendmmsg(s, m + 7, 1, 0) == 1, "and then the rest");
	for (i = 0; i < 8; i++) {
		iov[i] = (struct iovec){ buf[i], 8 };
		m[i].msg_hdr.msg_name = NULL;
		m[i].msg_hdr.msg_namelen = 0;
	}
	ok(recvmmsg(c, m, 8, 0, NULL) == 8, "recvmmsg takes the replies");
	ok(recvmmsg(c, m, 8, MSG_DONTWAIT, NULL) == -1 && errno == EAGAIN,
	   "and there are no more");
	close(s);
	close(c);
}

static void test_uring_waits(void)
{
	int s = server_at(server), c = client_to(server);
	struct sockaddr_xrpc from;
	struct iovec iov[3];
	struct msghdr m;
	char buf[16];

	if (!uring) {
		ok(true, "io_uring # SKIP not in this kernel");
		close(s);
		close(c);
		return;
	}
	m = room_msg(iov, buf, &from);
	uring_start(&ring, IORING_OP_RECVMSG, s, &m, 1, 0);
	usleep(10000);
	ok(!uring_ended(&ring), "io_uring: a receive waits");
	send(c, "abc", 3, 0);
	ok(uring_end(&ring) == 3 && from.sxr_call,
	   "io_uring: and ends with a request");
	uring_start(&ring, IORING_OP_POLL_ADD, c, NULL, 0, POLLIN);
	usleep(10000);
	ok(!uring_ended(&ring), "io_uring: a poll waits");
	give_answer(s, "r", 1, &from);
	ok(uring_end(&ring) & POLLIN, "io_uring: and ends with a reply");
	fails(uring_do(&ring, IORING_OP_RECV, s, buf, 16, MSG_DONTWAIT),
	      EAGAIN, "io_uring: MSG_DONTWAIT");
	recv(c, buf, 16, 0);
	close(s);
	send(c, "x", 1, 0);
	fails(uring_do(&ring, IORING_OP_RECV, c, buf, 16, 0), ECONNREFUSED,
	      "io_uring: a failed call");
	close(c);
}

/* ---- flags ----------------------------------------------------------- */

static void test_flags(void)
{
	const unsigned int in = MSG_DONTWAIT | MSG_PEEK | MSG_TRUNC |
				MSG_WAITALL | MSG_NOSIGNAL | MSG_WAITFORONE |
				MSG_CMSG_CLOEXEC;
	const unsigned int out = MSG_DONTWAIT | MSG_NOSIGNAL;
	/* what sendmmsg() says to the family, and what newer kernels keep */
	const unsigned int own = 0x40000 | 0x10000 | 0x80000 | 0x100000 |
				 0x8000000;
	int s = server_at(server), c = client_to(server), i;
	struct sockaddr_xrpc from;
	int bad = 0;
	socklen_t len = sizeof(from);
	struct told t;
	char buf[16];

	send(c, "flags", 5, 0);
	ready(s, POLLIN, 1000);
	for (i = 0; i < 31; i++) {
		unsigned int f = 1U << i;
		ssize_t n;

		if (f & in) {
			len = sizeof(from);
			n = recvfrom(s, buf, 16, f | MSG_PEEK, (void *)&from,
				     &len);
			bad += n != 5;
		} else {
			len = sizeof(from);
			n = recvfrom(s, buf, 16, f | MSG_PEEK | MSG_DONTWAIT,
				     (void *)&from, &len);
			bad += n != -1 || errno != EINVAL;
		}
		if (bad) {
			printf("# receive with flag %x\n", f);
			break;
		}
	}
	ok(!bad, "receive knows its flags and refuses all others");
	for (i = 0; i < 31 && !bad; i++) {
		unsigned int f = 1U << i;
		ssize_t n = send(c, "x", 1, f);

		if (f & own)
			continue;
		bad += f & out ? n != 1 : n != -1 || errno != EINVAL;
		if (bad)
			printf("# send with flag %x: %zd %d\n", f, n, errno);
	}
	ok(!bad, "send knows its flags and refuses all others");
	get_request(s, buf, 16, &from);
	ok(send_infos(s, &from, "r", MSG_OOB, NULL, 0) == -1 &&
	   errno == EINVAL && give_answer(s, "r", 1, &from) == 1,
	   "an answer refused for its flags can be given again");

	/* truncated: told, and the rest is gone */
	send(c, "0123456789", 10, 0);
	while (get_request(s, buf, 1, &from) == 1 && *buf == 'x')
		;
	ok(*buf == '0', "less room than the request");
	fails(recvfrom(s, buf, 16, MSG_DONTWAIT, (void *)&from,
		       &(socklen_t){ sizeof(from) }), EAGAIN,
	      "the rest of it is dropped");
	send(c, "0123456789", 10, 0);
	len = sizeof(from);
	ok(recvfrom(s, NULL, 0, MSG_TRUNC, (void *)&from, &len) == 10,
	   "MSG_TRUNC: its whole length, with no room at all");
	ok(give_answer(s, "0123456789", 10, &from) == 10, "and it is answered");
	do
		receive(c, MSG_PEEK, &t);
	while (t.n == 1 && recv(c, buf, 1, 0) == 1);
	ok(t.n == 10 && recv(c, buf, 4, 0) == 4 &&
	   recv(c, buf, 4, MSG_DONTWAIT) == -1 && errno == EAGAIN,
	   "of a reply as well");
	ok(!send(c, NULL, 0, 0) && !get_request(s, NULL, 0, &from) &&
	   from.sxr_call && !give_answer(s, NULL, 0, &from) &&
	   !recv(c, NULL, 0, 0), "a call of no bytes at all");
	fails(send(c, (void *)8, 4, 0), EFAULT, "a request that is not there");
	send(c, "efault", 6, 0);
	len = sizeof(from);
	fails(recvfrom(s, (void *)8, 6, 0, (void *)&from, &len), EFAULT,
	      "room that is not there");
	ok(get_request(s, buf, 16, &from) == 6, "the request is still queued");
	give_answer(s, "efault", 6, &from);
	fails(recv(c, (void *)8, 6, 0), EFAULT, "nor is room for the reply");
	ok(recv(c, buf, 16, 0) == 6, "the reply is still queued");
	close(s);
	close(c);
}

/* ---- control messages ------------------------------------------------ */

static void test_controls(void)
{
	static const struct {
		int type;
		size_t len;
	} known[] = {
		{ XRPC_COOKIE, 8 }, { XRPC_METHOD, 4 }, { XRPC_DEADLINE, 8 },
		{ XRPC_STATUS, 4 }, { XRPC_REPLAYABLE, 0 }, { XRPC_ONEWAY, 0 },
		{ XRPC_CANCEL, 8 },
	};
	int s = server_at(server), c = client_to(server), bad = 0, i;
	uint64_t data[4] = { 1000000, 5, 5, 5 }, zero = 0, late = 1, two = 2;
	uint32_t m1 = 1, m2 = 2;
	struct info info = { 0, data, 0, 0 };
	struct info methods[] = { { XRPC_METHOD, &m1, 4, 0 },
				  { XRPC_METHOD, &m2, 4, 0 } };
	struct info cookies[] = { { XRPC_COOKIE, &late, 8, 0 },
				  { XRPC_COOKIE, &two, 8, 0 } };
	struct info status = { XRPC_STATUS, &m2, 4, 0 };
	struct info right = { SCM_RIGHTS, &s, 4, SOL_SOCKET };
	struct info none = { XRPC_COOKIE, &zero, 8, 0 };
	struct msghdr m = {};
	struct cmsghdr *h;
	_Alignas(8) char control[64];
	struct iovec iov = { "x", 1 };
	struct told t;
	size_t len;

	recvinfo(s);
	recvinfo(c);
	for (i = 0; i < COUNT(known); i++) {
		info.type = known[i].type;
		for (len = 0; len <= 24; len++) {
			info.len = len;
			if (len == known[i].len)
				continue;
			if (send_infos(c, NULL, "x", 0, &info, 1) == -1 &&
			    errno == EINVAL)
				continue;
			printf("# type %d of %zu bytes\n", info.type, len);
			bad++;
		}
	}
	ok(!bad, "a control message of another length than its own");
	for (i = -1; i < 20; i++) {
		if (i == XRPC_COOKIE || i == XRPC_METHOD ||
		    i == XRPC_DEADLINE || i == XRPC_REPLAYABLE ||
		    i == XRPC_ONEWAY)
			continue;
		info.type = i;
		for (len = 0; len <= 8; len += 4) {
			info.len = len;
			bad += send_infos(c, NULL, "x", 0, &info, 1) != -1 ||
			       errno != EINVAL;
		}
	}
	ok(!bad, "types that are unknown, or no request's");
	info.type = XRPC_METHOD;
	info.len = 4;
	info.level = SOL_SOCKET;
	fails(send_infos(c, NULL, "x", 0, &info, 1), EINVAL, "another level");
	fails(send_infos(c, NULL, "x", 0, &right, 1), EINVAL,
	      "a descriptor: no place for it");

	/* lengths that lie */
	m.msg_iov = &iov;
	m.msg_iovlen = 1;
	m.msg_control = control;
	m.msg_controllen = CMSG_SPACE(4);
	h = (void *)control;
	h->cmsg_level = SOL_XRPC;
	h->cmsg_type = XRPC_METHOD;
	for (len = 0; len < 64; len++) {
		h->cmsg_len = len;
		if (len != CMSG_LEN(4))
			bad += sendmsg(c, &m, 0) != -1 || errno != EINVAL;
	}
	h->cmsg_len = -1;
	bad += sendmsg(c, &m, 0) != -1 || errno != EINVAL;
	ok(!bad, "a length that is not so");
	m.msg_control = (void *)8;
	fails(sendmsg(c, &m, 0), EFAULT, "control messages that are not there");
	ok(!receive(s, MSG_DONTWAIT, &t) && errno == EAGAIN,
	   "nothing of all that was sent");

	ok(send_infos(c, NULL, "x", 0, methods, 2) == 1 &&
	   receive(s, 0, &t) && t.method == 2, "of two methods the last");
	send_infos(s, &t.from, "", 0, &status, 1);
	ok(receive(c, 0, &t) && t.status == 2, "a status");
	ok(send_infos(c, NULL, "x", 0, cookies, 2) == 1 &&
	   receive(s, 0, &t), "of two cookies the last");
	fails(send_named(c, "x", 2), EEXIST, "is the call's");
	ok(send_named(c, "y", 1) == 1, "not the first");
	for (i = 0; i < 5; i++) {
		struct info no[] = { methods[0], cookies[0],
				     { XRPC_DEADLINE, data, 8, 0 },
				     { XRPC_ONEWAY, NULL, 0, 0 },
				     { XRPC_REPLAYABLE, NULL, 0, 0 } };

		bad += send_infos(s, &t.from, "r", 0, &no[i], 1) != -1 ||
		       errno != EINVAL;
	}
	ok(!bad, "what belongs to a request is refused with an answer");
	give_answer(s, "r", 1, &t.from);
	ready(c, POLLIN, 1000);
	fails(send_named(c, "x", 2), EEXIST,
	      "a cookie is taken until its end is received");
	ok(ended(c, 2, XRPC_REPLIED, 0) && send_named(c, "z", 2) == 1,
	   "and free then");
	receive(s, 0, &t);
	give_answer(s, "", 0, &t.from);
	receive(s, 0, &t);
	give_answer(s, "", 0, &t.from);
	receive(c, 0, &t);
	receive(c, 0, &t);
	ok(send_infos(c, NULL, "", 0, &none, 1) == 0 &&
	   send_infos(c, NULL, "", 0, &none, 1) == 0 &&
	   receive(s, 0, &t) && receive(s, 0, &t),
	   "cookie 0 is no name: any number of calls has it");
	close(c);
	close(s);
}

static int pipes;

static void on_pipe(int sig)
{
	(void)sig;
	pipes++;
}

static void test_sigpipe(void)
{
	struct sigaction sa = { .sa_handler = on_pipe };
	int c = client_to(server);

	sigaction(SIGPIPE, &sa, NULL);
	shutdown(c, SHUT_WR);
	ok(send(c, "x", 1, 0) == -1 && errno == EPIPE && pipes == 1,
	   "SIGPIPE after SHUT_WR");
	ok(send(c, "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE && pipes == 1,
	   "none with MSG_NOSIGNAL");
	close(c);
}

int main(void)
{
	tap_begin();
	server = at("127.0.0.1", PORT, 0);
	uring = uring_open(&ring);
	test_ways();
	test_many();
	test_uring_waits();
	test_flags();
	test_controls();
	test_sigpipe();
	return tap_end();
}
