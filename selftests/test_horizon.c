// SPDX-License-Identifier: GPL-2.0
/*
 * xrpc-test: mode=icount kernels=6.1,6.12,debug timeout=2000
 *
 * How far back a server's word reaches: as long as nobody else can have had its
 * address.  An interface that went and came ends that, whatever it kept.
 */
#include "netns.h"

#include <netinet/in.h>

#include "wire.h"

#define PORT	7000

/* Ask for a token at an address.  Returns its horizon in ms, -1 if none came. */
static long horizon_from(const char *ns, const char *host)
{
	struct {
		struct xrpc_hdr h;
		struct xrpc_token_req r;
		unsigned char pad[sizeof(struct xrpc_token_frame) -
				  sizeof(struct xrpc_token_req)];
	} ask = {
		.h = { .vfk = XRPC_WIRE_VERSION,
		       .echo_delay = htobe32(XRPC_ECHO_NONE) },
		.r = { .h = { .type = XRPC_FT_TOKEN_REQ,
			      .len = htobe16(sizeof(ask.r)) },
		       .client_id = { htobe32(1), htobe32(2) } },
	};
	struct xrpc_fhdr pad = { .type = XRPC_FT_PAD,
				 .len = htobe16(sizeof(ask.pad)) };
	struct sockaddr_xrpc a = at(host, PORT, 0);
	struct sockaddr_in6 to = { .sin6_family = AF_INET6,
				   .sin6_port = htons(PORT),
				   .sin6_addr = a.sxr_addr };
	unsigned char got[2048] __attribute__((aligned(8)));
	const struct xrpc_token_frame *t;
	struct xrpc_cursor c;
	long ms = -1;
	ssize_t n;
	int fd;

	memcpy(ask.pad, &pad, sizeof(pad));
	ns_enter(ns);
	fd = socket(AF_INET6, SOCK_DGRAM, 0);
	if (!connect(fd, (void *)&to, sizeof(to)) &&
	    send(fd, &ask, sizeof(ask), 0) == sizeof(ask) &&
	    readable(fd, 3000)) {
		n = recv(fd, got, sizeof(got), 0);
		if (n > 0 && !xrpc_wire_check(got, n, XRPC_MSG_MAX) &&
		    xrpc_wire_first(&c, got, n) > 0 &&
		    c.type == XRPC_FT_TOKEN) {
			t = (const void *)c.frame;
			ms = xrpc_get64(t->horizon) / 1000;
		}
	}
	close(fd);
	return ms;
}

/* It is between two times, s. */
__attribute__((format(printf, 4, 5)))
static void is(const char *host, long least, long most, const char *fmt, ...)
{
	long ms = horizon_from(!strncmp(host, "127.", 4) ? "s" : "c", host);
	char what[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	ok(ms >= least * 1000 && ms <= most * 1000, "%s: %s (%ld ms)", host,
	   what, ms);
}

int main(void)
{
	int s;

	tap_begin();
	close(xrpc_socket());
	setup_router();
	run("set -e; ip -n s link add d0 type dummy; ip -n s link set d0 up;"
	    "ip -n s addr add 10.9.9.9/32 dev lo;"
	    "ip -n r route add 10.9.9.9 via 10.0.0.2");
	ns_enter("s");
	s = server_at(at("::", PORT, 0));

	sleep(40);
	is("10.0.0.2", 39, 43, "the endpoint's age");
	is("fd00::2", 39, 43, "likewise");
	is("10.9.9.9", 39, 43, "and of the loopback interface");

	run("ip -n s link set d0 down; ip -n s link set d0 up");
	sleep(3);
	is("10.0.0.2", 42, 48, "what another interface does changes nothing");
	is("10.9.9.9", 2, 5, "but for an address that any may bring");
	is("127.0.0.1", 42, 48, "nor for one that is always this host's");

	/* its addresses stay, as far as they are IPv4's */
	run("set -e; ip -n s link set vs down; ip -n s link set vs up;"
	    "ip -n s addr add fd00::2/64 dev vs nodad;"
	    "ip -n s route add default via 10.0.0.1;"
	    "ip -n s route replace default via fd00::1");
	sleep(5);
	is("10.0.0.2", 4, 8, "since the interface came up again");
	is("10.9.9.9", 4, 8, "likewise");
	is("127.0.0.1", 47, 60, "this one still");
	sleep(20);
	is("10.0.0.2", 24, 30, "it grows again");

	run("set -e; ip -n r link set rs down; ip -n r link set rs up;"
	    "ip -n r addr add fd00::1/64 dev rs nodad;"
	    "ip -n r route replace 10.9.9.9 via 10.0.0.2");
	sleep(5);
	is("10.0.0.2", 3, 8, "since there was a carrier again");
	is("fd00::2", 3, 8, "likewise");

	run("ip -n s addr del 10.0.0.2/24 dev vs;"
	    "ip -n s addr add 10.0.0.2/24 dev vs;"
	    "ip -n s route replace default via 10.0.0.1");
	sleep(1);
	is("10.0.0.2", 0, 3, "since the address was added");
	is("fd00::2", 4, 12, "which is one only");
	close(s);
	run("for n in c r s; do ip netns del $n; done");
	return tap_end();
}
