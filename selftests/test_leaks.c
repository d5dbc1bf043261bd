// SPDX-License-Identifier: GPL-2.0
/*
 * xrpc-test: mode=icount kernels=6.1,6.12,debug timeout=300
 *
 * What names, receives and options give to user space: every byte of it is one
 * that is meant, and none is written where there is no room.
 */
#include <net/if.h>
#include <signal.h>

#include "infos.h"
#include "poison.h"

#define PORT	4300
#define MORE	24			/* bytes of room behind what fits */

/* ---- names of sockets ------------------------------------------------ */

/* Ask for a name into room of every length. */
static void check_name(const char *what, int fd,
		       int (*ask)(int, struct sockaddr *restrict,
				  socklen_t *restrict),
		       const struct sockaddr_xrpc *want)
{
	unsigned char room[ADDR + 2 * MORE];
	bool good = true;
	unsigned int i;
	socklen_t len, n;

	for (i = 0; i < 2; i++) {
		for (n = 0; n <= ADDR + MORE; n++) {
			size_t fits = n < ADDR ? n : ADDR;

			memset(room, patterns[i], sizeof(room));
			len = n;
			good &= !ask(fd, (void *)room, &len) && len == ADDR &&
				same(room, want, fits) &&
				untouched(room + fits, sizeof(room) - fits,
					  patterns[i]);
		}
	}
	ok(good, "%s", what);
}

static void test_names(void)
{
	struct sockaddr_xrpc a = at("127.0.0.1", PORT, 7);
	struct sockaddr_xrpc want = { .sxr_family = AF_XRPC };
	struct sockaddr_xrpc link = at("fe80::77", PORT, 0);
	socklen_t len = sizeof(a);
	unsigned char room[2 * ADDR];
	int fd = xrpc_socket(), s, c;

	check_name("the name of a fresh socket", fd, getsockname, &want);
	memset(room, patterns[0], sizeof(room));
	len = sizeof(room);
	ok(getpeername(fd, (void *)room, &len) && errno == ENOTCONN &&
	   len == sizeof(room) &&
	   untouched(room, sizeof(room), patterns[0]),
	   "no peer's name, and nothing written");
	close(fd);

	s = server_at(a);
	check_name("the name of a bound socket", s, getsockname, &a);
	c = client_to(a);
	check_name("the peer of a connected one", c, getpeername, &a);
	want = name_of(c);
	ok(want.sxr_port && !want.sxr_service && !want.sxr_scope_id &&
	   !want.sxr_reserved && !want.sxr_call, "an autobound one's name");
	check_name("is whole as well", c, getsockname, &want);
	close(c);
	close(s);

	if (system("ip link add leak0 type dummy && ip link set leak0 up && "
		   "ip addr add fe80::77/64 dev leak0 nodad")) {
		ok(true, "a link-local name # SKIP no dummy device");
		return;
	}
	link.sxr_scope_id = if_nametoindex("leak0");
	s = server_at(link);
	check_name("a link-local name", s, getsockname, &link);
	c = client_to(link);
	check_name("a link-local peer", c, getpeername, &link);
	close(c);
	close(s);
	if (system("ip link del leak0"))
		printf("# leak0 stays\n");
}

/* ---- what receives give ---------------------------------------------- */

/* A receive into poisoned memory, with so much room. */
struct got {
	ssize_t n;
	struct msghdr m;
	unsigned char name[ADDR + 2 * MORE];
	unsigned char data[128];
	_Alignas(8) unsigned char control[256];
};

static void get_into(int fd, int flags, unsigned char pattern, size_t name,
		     size_t data, size_t control, struct got *g)
{
	struct iovec iov = { g->data, data };

	memset(g, pattern, sizeof(*g));
	memset(&g->m, 0, sizeof(g->m));
	g->m.msg_name = g->name;
	g->m.msg_namelen = name;
	g->m.msg_iov = &iov;
	g->m.msg_iovlen = 1;
	g->m.msg_control = g->control;
	g->m.msg_controllen = control;
	g->n = recvmsg(fd, &g->m, flags);
}

/* An expected control message. */
struct want {
	int type;
	size_t len;
	uint64_t value;
	bool about;		/* not more than the value, not 0 */
};

/*
 * The control messages in @g are these, as many as the room was for, and there
 * is nothing else.
 */
static bool controls(const struct got *g, unsigned char pattern, size_t room,
		     const struct want *w, int n)
{
	size_t at = 0, len, space, data;
	struct cmsghdr c;
	bool cut = false;
	uint64_t v;
	int i;

	for (i = 0; i < n; i++, w++) {
		len = CMSG_LEN(w->len);
		if (room - at < sizeof(c)) {
			cut = true;
			break;
		}
		if (len > room - at) {
			cut = true;
			len = room - at;
		}
		memcpy(&c, g->control + at, sizeof(c));
		if (c.cmsg_len != len || c.cmsg_level != SOL_XRPC ||
		    c.cmsg_type != w->type) {
			printf("# message %d: length %zu level %d type %d\n", i,
			       (size_t)c.cmsg_len, c.cmsg_level, c.cmsg_type);
			return false;
		}
		data = len - sizeof(c);
		v = 0;
		memcpy(&v, g->control + at + sizeof(c), data);
		if (w->about && data == w->len ? !v || v > w->value :
		    !w->about && memcmp(&v, &w->value, data)) {
			printf("# message %d: %llx\n", i,
			       (unsigned long long)v);
			return false;
		}
		space = CMSG_SPACE(w->len);
		if (space > room - at)
			space = room - at;
		if (!untouched(g->control + at + len, space - len, pattern))
			return false;
		at += space;
	}
	if (g->m.msg_controllen != at ||
	    !!(g->m.msg_flags & MSG_CTRUNC) != cut) {
		printf("# %zu bytes, not %zu, flags %x\n",
		       (size_t)g->m.msg_controllen, at, g->m.msg_flags);
		return false;
	}
	return untouched(g->control + at, sizeof(g->control) - at, pattern);
}

/*
 * Peek at the first entry of a queue with room of every length for each of its
 * parts: the address, the data, the control messages.  Then take it.
 */
static void check_entry(const char *what, int fd,
			const struct sockaddr_xrpc *from, const char *text,
			const struct want *w, int nw)
{
	struct sockaddr_xrpc a = *from;
	size_t len = strlen(text), n, fits;
	bool good = true, names = true, data = true;
	struct got g;
	unsigned int i;

	/* the handle is what it is, and the same each time */
	get_into(fd, MSG_PEEK, 0, ADDR, 0, 0, &g);
	memcpy(&a.sxr_call, g.name + offsetof(struct sockaddr_xrpc, sxr_call),
	       8);
	ok(!a.sxr_call == !from->sxr_call, "%s: a handle where there is one",
	   what);
	for (i = 0; i < 2; i++) {
		unsigned char p = patterns[i];

		for (n = 0; n <= ADDR + MORE; n++) {
			fits = n < ADDR ? n : ADDR;
			get_into(fd, MSG_PEEK, p, n, len, 0, &g);
			names &= g.n == (ssize_t)len &&
				 g.m.msg_namelen == ADDR &&
				 same(g.name, &a, fits) &&
				 untouched(g.name + fits,
					   sizeof(g.name) - fits, p);
		}
		for (n = 0; n <= len + MORE; n++) {
			fits = n < len ? n : len;
			get_into(fd, MSG_PEEK, p, ADDR, n, 0, &g);
			data &= g.n == (ssize_t)fits &&
				!!(g.m.msg_flags & MSG_TRUNC) == (n < len) &&
				same(g.data, text, fits) &&
				untouched(g.data + fits,
					  sizeof(g.data) - fits, p);
			get_into(fd, MSG_PEEK | MSG_TRUNC, p, ADDR, n, 0, &g);
			data &= g.n == (ssize_t)len &&
				untouched(g.data + fits,
					  sizeof(g.data) - fits, p);
		}
		for (n = 0; n <= 160; n++) {
			get_into(fd, MSG_PEEK, p, ADDR, len, n, &g);
			good &= controls(&g, p, n, w, nw);
		}
	}
	ok(names, "%s: its address, in room of every length", what);
	ok(data, "%s: its data, in room of every length", what);
	ok(good, "%s: its control messages, in room of every length", what);
	get_into(fd, 0, patterns[0], ADDR, len, 160, &g);
	ok(g.n == (ssize_t)len && same(g.name, &a, ADDR) &&
	   untouched(g.data + len, sizeof(g.data) - len, patterns[0]) &&
	   controls(&g, patterns[0], 160, w, nw), "%s: and taken", what);
}

static void test_receives(const char *host)
{
	struct sockaddr_xrpc a = at(host, PORT, 9), src;
	int s = server_at(a), c = client_to(a);
	uint32_t method = 0x11223344, status = 0x99887766;
	uint64_t cookie = 0x0102030405060708ULL, us = 9000000;
	struct info info[] = {
		{ XRPC_METHOD, &method, 4, 0 },
		{ XRPC_DEADLINE, &us, 8, 0 },
		{ XRPC_COOKIE, &cookie, 8, 0 },
	};
	struct info st = { XRPC_STATUS, &status, 4, 0 };
	struct info one = { XRPC_ONEWAY, NULL, 0, 0 };
	struct info cancel = { XRPC_CANCEL, &cookie, 8, 0 };
	struct want request[] = {
		{ XRPC_METHOD, 4, method, false },
		{ XRPC_DEADLINE, 8, us, true },
	};
	struct want plain[] = { { XRPC_METHOD, 4, 0, false } };
	struct want reply[] = {
		{ XRPC_COOKIE, 8, cookie, false },
		{ XRPC_STATUS, 4, status, false },
		{ XRPC_OUTCOME, 8, XRPC_REPLIED, false },
	};
	struct want failure[] = {
		{ XRPC_COOKIE, 8, cookie, false },
		{ XRPC_OUTCOME, 8, XRPC_UNKNOWN | (uint64_t)ECONNRESET << 32,
		  false },
	};
	struct want oneway[] = {
		{ XRPC_METHOD, 4, 0, false },
		{ XRPC_ONEWAY, 0, 0, false },
	};
	struct want canceled[] = { { XRPC_CANCELED, 0, 0, false } };
	struct sockaddr_xrpc peer = name_of(c), from;
	socklen_t len = sizeof(from);
	char what[64], buf[8];
	struct told t;

	recvinfo(s);
	recvinfo(c);
	/* how a request's source looks: the client's, but for the service */
	src = at(host, 0, 9);
	src.sxr_port = peer.sxr_port;
	src.sxr_call = 1;

	send_infos(c, NULL, "request", 0, info, 3);
	ready(s, POLLIN, 5000);
	sprintf(what, "%s: a request", host);
	recvfrom(s, buf, 8, MSG_PEEK, (void *)&from, &len);
	check_entry(what, s, &src, "request", request, 2);
	send_infos(s, &from, "reply", 0, &st, 1);
	ready(c, POLLIN, 5000);
	sprintf(what, "%s: a reply", host);
	check_entry(what, c, &a, "reply", reply, 3);

	send_infos(c, NULL, "", 0, NULL, 0);
	ready(s, POLLIN, 5000);
	len = sizeof(from);
	recvfrom(s, buf, 8, MSG_PEEK, (void *)&from, &len);
	sprintf(what, "%s: an empty request", host);
	check_entry(what, s, &src, "", plain, 1);
	send_infos(s, &from, "", 0, NULL, 0);
	receive(c, 0, &t);

	send_infos(c, NULL, "gone", 0, info + 2, 1);
	receive(s, 0, &t);
	send_infos(c, NULL, "", 0, &cancel, 1);
	ready(s, POLLIN, 5000);
	sprintf(what, "%s: a notice", host);
	check_entry(what, s, &src, "", canceled, 1);
	ready(c, POLLIN, 5000);
	sprintf(what, "%s: a failure", host);
	check_entry(what, c, &a, "", failure, 2);

	src.sxr_call = 0;
	send_infos(c, NULL, "note", 0, &one, 1);
	ready(s, POLLIN, 5000);
	sprintf(what, "%s: a one-way message", host);
	check_entry(what, s, &src, "note", oneway, 2);
	close(c);
	close(s);
}

/* A failed call without information is an errno, and writes nothing. */
static void test_bare_failure(void)
{
	int s = server_at(at("127.0.0.1", PORT, 1));
	int c = client_to(at("127.0.0.1", PORT, 2));
	struct got g;

	send(c, "x", 1, 0);
	get_into(c, 0, patterns[0], ADDR, 64, 128, &g);
	ok(g.n == -1 && errno == ECONNREFUSED &&
	   untouched(g.name, sizeof(g.name), patterns[0]) &&
	   untouched(g.data, sizeof(g.data), patterns[0]) &&
	   untouched(g.control, sizeof(g.control), patterns[0]),
	   "a failed call's errno writes nothing");
	close(c);
	close(s);
}

/* ---- options --------------------------------------------------------- */

static void test_options(void)
{
	static const struct {
		int name, size;
		uint64_t value;
	} opts[] = {
		{ XRPC_RECVINFO, 4, 1 },
		{ XRPC_REUSEPORT, 4, 0 },
		{ XRPC_DEFAULT_DEADLINE, 8, 30000000 },
	};
	unsigned char room[64];
	int fd = xrpc_socket(), n;
	unsigned int i, j;
	socklen_t len;
	bool good;

	recvinfo(fd);
	for (i = 0; i < sizeof(opts) / sizeof(opts[0]); i++) {
		good = true;
		for (j = 0; j < 2; j++) {
			for (n = -1; n <= 16; n++) {
				int size = opts[i].size, ret;

				memset(room, patterns[j], sizeof(room));
				len = n;
				ret = getsockopt(fd, SOL_XRPC, opts[i].name,
						 room, &len);
				if (n < size) {
					good &= ret && errno == EINVAL &&
						len == (socklen_t)n;
					size = 0;
				} else {
					good &= !ret && len == (socklen_t)size;
				}
				good &= same(room, &opts[i].value, size) &&
					untouched(room + size,
						  sizeof(room) - size,
						  patterns[j]);
			}
		}
		ok(good, "option %d in room of every length", opts[i].name);
	}
	memset(room, patterns[0], sizeof(room));
	len = sizeof(room);
	ok(getsockopt(fd, SOL_XRPC, 99, room, &len) && errno == ENOPROTOOPT &&
	   len == sizeof(room) && untouched(room, sizeof(room), patterns[0]),
	   "an unknown option writes nothing");
	close(fd);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	tap_begin();
	test_names();
	test_receives("127.0.0.1");
	test_receives("::1");
	test_bare_failure();
	test_options();
	return tap_end();
}
