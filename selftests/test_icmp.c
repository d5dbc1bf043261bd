// SPDX-License-Identifier: GPL-2.0
/*
 * xrpc-test: mode=icount kernels=6.1,6.12,debug timeout=300
 *
 * ICMP errors are hints: what a router says of the path MTU is heard, what
 * somebody forges about a packet that is not under way changes nothing, and no
 * unreachable of any kind ends a call.
 */
#include "rawip.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#define PORT	7000
#define BIG	65536
#define SMALL	1400	/* path MTU to the server */
#define SMALLER	1300	/* and back */

static bool v4;
static const char *client_addr, *router_addr, *server_addr;
static int cl, srv, raw, in_wire, out_wire;
static unsigned char buf[BIG];
static struct sockaddr_xrpc from;
static unsigned int ran;

/* The path MTU there and back, 0 for the devices' own. */
static void path_mtu(int there, int back)
{
	char a[32] = "", b[32] = "";

	if (there)
		snprintf(a, sizeof(a), "mtu lock %d", there);
	if (back)
		snprintf(b, sizeof(b), "mtu lock %d", back);
	run("set -e; ip -n r route replace 10.0.0.2 dev rs %s;"
	    "ip -n r route replace fd00::2 dev rs %s;"
	    "ip -n r route replace 192.168.0.2 dev rc %s;"
	    "ip -n r route replace fd01::2 dev rc %s;"
	    /* and what the hosts have learned is forgotten */
	    "for n in c s; do ip -n $n route flush cache;"
	    " ip -n $n -6 route flush cache; done", a, a, b, b);
}

/* Whether a host has learned of a smaller path MTU. */
static bool learned(const char *ns, const char *to)
{
	char cmd[100];

	snprintf(cmd, sizeof(cmd), "ip -n %s route get %s | grep -q ' mtu '",
		 ns, to);
	return !system(cmd);
}

/* ---- calls ----------------------------------------------------------- */

static void fill(unsigned char *b, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		b[i] = i * 7 + (i >> 8) + len;
}

static bool is(const unsigned char *b, ssize_t n, size_t len)
{
	static unsigned char want[BIG];

	fill(want, len);
	return n == (ssize_t)len && !memcmp(b, want, len);
}

static bool begin(size_t len)
{
	fill(buf, len);
	return send(cl, buf, len, 0) == (ssize_t)len;
}

static bool request(size_t len)
{
	ssize_t n;

	if (!readable(srv, 20000))
		return false;
	ran++;
	n = get_request(srv, buf, sizeof(buf), &from);
	return is(buf, n, len);
}

static bool answer(size_t len)
{
	fill(buf, len);
	return give_answer(srv, buf, len, &from) == (ssize_t)len;
}

static bool reply(size_t len)
{
	ssize_t n;

	if (!readable(cl, 20000))
		return false;
	n = recv(cl, buf, sizeof(buf), 0);
	if (n < 0)
		printf("# %s\n", strerror(errno));
	return is(buf, n, len);
}

static bool call(size_t len, size_t reply_len)
{
	return begin(len) && request(len) && answer(reply_len) &&
	       reply(reply_len);
}

/* The longest packet to a host, and how many fragments, that were caught. */
static int longest(int fd, const char *to, int *fragments)
{
	struct ip_packet p;
	int most = 0;

	*fragments = 0;
	while ((p.len = recv(fd, p.b, sizeof(p.b), MSG_DONTWAIT)) > 0) {
		if (pkt_addr_is(&p, false, to) && p.len > most)
			most = p.len;
		if (pkt_v4(&p))
			*fragments += !!(ntohs(((struct iphdr *)p.b)->frag_off) &
					 0x3fff);
		else
			*fragments += p.b[6] == IPPROTO_FRAGMENT;
	}
	return most;
}

/* ---- a router's word ------------------------------------------------- */

static void test_path_mtu(void)
{
	uint64_t c_heard = ns_counter("c", "Icmp");
	uint64_t s_heard = ns_counter("s", "Icmp");
	int there, back, frags, more;

	path_mtu(SMALL, SMALLER);
	ok(call(BIG, BIG), "64 KiB each way through smaller links");
	ok(ns_counter("c", "Icmp") > c_heard && ns_counter("s", "Icmp") > s_heard,
	   "both hosts hear of it");
	ok(learned("c", server_addr) && learned("s", client_addr),
	   "and learn it");
	pkt_flush(in_wire);
	pkt_flush(out_wire);
	c_heard = ns_counter("c", "Icmp");
	s_heard = ns_counter("s", "Icmp");
	ok(call(BIG, BIG), "the next call");
	there = longest(out_wire, server_addr, &frags);
	back = longest(in_wire, client_addr, &more);
	ok(there && there <= SMALL && back && back <= SMALLER && !frags && !more,
	   "has packets that fit (%d, %d), and no fragments (%d, %d)", there,
	   back, frags, more);
	ok(ns_counter("c", "Icmp") == c_heard && ns_counter("s", "Icmp") == s_heard,
	   "and nobody complains");

	/* one packet, built before the path was known, cannot be cut anew */
	path_mtu(0, 0);
	sleep(1);
	ok(call(100, 100) && !learned("c", server_addr), "the links widen");
	path_mtu(SMALL, SMALLER);
	ok(call(1340, 1340),
	   "a packet as long as the old path's gets through, and back");
	path_mtu(0, 0);
}

/* ---- a forger's ------------------------------------------------------ */

/*
 * An ICMP error about a packet, to whoever sent it.  For IPv6 the type is the
 * one that means the same.
 */
static void forge(const struct ip_packet *about, int type, int code, int mtu)
{
	size_t quote = about->len < 500 ? about->len : 500;
	struct ip_packet p = {};
	unsigned char *icmp;

	if (v4) {
		struct iphdr *ih = (void *)p.b;

		ih->version = 4;
		ih->ihl = 5;
		ih->ttl = 64;
		ih->protocol = IPPROTO_ICMP;
		icmp = p.b + sizeof(*ih);
	} else {
		struct ip6_hdr *ih = (void *)p.b;

		ih->ip6_vfc = 0x60;
		ih->ip6_hlim = 64;
		ih->ip6_nxt = IPPROTO_ICMPV6;
		ih->ip6_plen = htons(8 + quote);
		icmp = p.b + sizeof(*ih);
	}
	pkt_set_addr(&p, true, router_addr);
	memcpy(pkt_addr(&p, false), pkt_addr(about, true), v4 ? 4 : 16);
	icmp[0] = type;
	icmp[1] = code;
	if (mtu)
		((uint16_t *)icmp)[3] = htons(mtu);
	memcpy(icmp + 8, about->b, quote);
	p.len = icmp + 8 + quote - p.b;
	if (v4)
		((uint16_t *)icmp)[1] = sum_fold(sum_add(0, icmp, 8 + quote));
	else
		((uint16_t *)icmp)[1] = pkt_sum(&p, IPPROTO_ICMPV6, icmp,
						8 + quote);
	ns_enter("r");
	if (!raw_send(raw, &p))
		printf("# forged packet not sent: %s\n", strerror(errno));
}

static void forge_too_big(const struct ip_packet *about, int mtu)
{
	if (v4)
		forge(about, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, mtu);
	else
		forge(about, ICMP6_PACKET_TOO_BIG, 0, mtu);
}

/* A packet of the client's that is under way: it takes long to the server. */
static bool catch_one(struct ip_packet *p)
{
	run("tc -n r qdisc replace dev rs root netem delay 200ms");
	pkt_flush(in_wire);
	return begin(100) && pkt_catch(in_wire, p, 0, PORT, 1000) &&
	       pkt_frame(p, XRPC_FT_DATA);
}

static bool finish(void)
{
	run("tc -n r qdisc del dev rs root");
	return request(100) && answer(100) && reply(100);
}

/*
 * Whether the kernel changes its routes whatever the quoted packet is, before
 * it asks whose that was: then a transport has no say in it.
 */
static bool gullible(void)
{
	const char *nobody = v4 ? "10.0.0.77" : "fd00::77";
	struct ip_packet p;

	pkt_begin(&p, v4, client_addr, 9, nobody, 9);
	p.len += 64;
	pkt_finish(&p);
	forge_too_big(&p, v4 ? 600 : 1280);
	usleep(1000);
	return learned("c", nobody);
}

/* What is forged has no effect but to be counted. */
static void refused(const struct ip_packet *about, bool counted,
		    const char *what)
{
	uint64_t dropped = ns_counter("c", "DropIcmp");
	uint64_t before = ns_counter("c", "Icmp");

	forge_too_big(about, v4 ? 600 : 1280);
	usleep(1000);
	dropped = ns_counter("c", "DropIcmp") - dropped;
	ok(dropped == counted && ns_counter("c", "Icmp") == before,
	   "too big, of %s: not heard", what);
}

static void test_forged(void)
{
	struct ip_packet p, q;
	struct xrpc_hdr *h;
	bool believes;

	ok(call(100, 100) && !learned("c", server_addr), "a wide path");
	believes = gullible();
	if (!ok(catch_one(&p), "a packet is under way"))
		return;
	q = p;
	h = pkt_xrpc(&q);
	h->pn = htobe32(be32toh(h->pn) + 1);
	refused(&q, true, "a number not sent yet");
	h->pn = htobe32(be32toh(h->pn) - 2);
	refused(&q, true, "a number acknowledged before");
	q = p;
	h->id[1] ^= 1;
	refused(&q, true, "another id");
	memset(h->id, 0, sizeof(h->id));
	refused(&q, true, "no id");
	q = p;
	pkt_udp(&q)->dest ^= htons(1);
	refused(&q, false, "another port of the server's");
	ok(finish(), "the call is replied to");
	refused(&p, true, "the packet itself, after the reply");
	if (believes)
		ok(true, "the route is as it was # SKIP this kernel believes all");
	else
		ok(!learned("c", server_addr), "the route is as it was");
	ok(call(BIG, BIG), "64 KiB each way after that");
	path_mtu(0, 0);
}

/* An error about a packet under way is heard, and ends nothing. */
static void heard(const struct ip_packet *about, int type, int code,
		  const char *what)
{
	uint64_t before = ns_counter("c", "Icmp");

	forge(about, type, code, 0);
	usleep(1000);
	ok(ns_counter("c", "Icmp") == before + 1 && !readable(cl, 0),
	   "%s of a packet under way: heard, and the call goes on", what);
}

static void test_unreachable(void)
{
	struct ip_packet p;
	unsigned int before = ran;

	if (!ok(catch_one(&p), "a packet is under way"))
		return;
	if (v4) {
		heard(&p, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, "no port");
		heard(&p, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, "no host");
		heard(&p, ICMP_DEST_UNREACH, ICMP_NET_UNREACH, "no network");
		heard(&p, ICMP_DEST_UNREACH, ICMP_PROT_UNREACH, "no protocol");
		heard(&p, ICMP_DEST_UNREACH, ICMP_PKT_FILTERED, "forbidden");
		heard(&p, ICMP_TIME_EXCEEDED, 0, "too far");
		heard(&p, ICMP_PARAMETERPROB, 0, "bad header");
	} else {
		heard(&p, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOPORT,
		      "no port");
		heard(&p, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADDR, "no host");
		heard(&p, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOROUTE,
		      "no route");
		heard(&p, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADMIN,
		      "forbidden");
		heard(&p, ICMP6_TIME_EXCEEDED, 0, "too far");
		heard(&p, ICMP6_PARAM_PROB, 0, "bad header");
	}
	ok(finish() && ran == before + 1, "it runs, once, and is replied to");

	/* a router that has no route for a while */
	run("ip -n r route replace unreachable 10.0.0.2;"
	    "ip -n r route replace unreachable fd00::2");
	ok(begin(100) && (sleep(3), !readable(cl, 0)),
	   "no route for three seconds: the call waits");
	path_mtu(0, 0);
	ok(request(100) && answer(100) && reply(100), "and is replied to then");
}

/* One that saw a packet can have its word on the path: it costs no call. */
static void test_believed(void)
{
	uint64_t before = ns_counter("c", "Icmp");
	struct ip_packet p;

	if (!ok(catch_one(&p), "a packet is under way"))
		return;
	forge_too_big(&p, v4 ? 68 : 600);
	usleep(1000);
	ok(ns_counter("c", "Icmp") == before + 1,
	   "an absurd path MTU of a packet under way is heard");
	ok(finish(), "the call is replied to");
	ok(call(BIG, BIG), "64 KiB each way after that");
	path_mtu(0, 0);
}

static void tests(void)
{
	server_addr = v4 ? "10.0.0.2" : "fd00::2";
	client_addr = v4 ? "192.168.0.2" : "fd01::2";
	router_addr = v4 ? "192.168.0.1" : "fd01::1";
	printf("# over IPv%d\n", v4 ? 4 : 6);
	path_mtu(0, 0);
	raw = raw_socket("r", v4);
	ns_enter("s");
	srv = server_at(at(server_addr, PORT, 0));
	ns_enter("c");
	cl = client_to(at(server_addr, PORT, 0));
	test_path_mtu();
	test_forged();
	test_unreachable();
	test_believed();
	close(cl);
	close(srv);
	close(raw);
}

int main(void)
{
	tap_begin();
	setup_router();
	run("ip netns exec r sysctl -qw net.ipv4.icmp_ratelimit=0"
	    " net.ipv6.icmp.ratelimit=0");
	in_wire = packet_socket("r", "rc");
	out_wire = packet_socket("r", "rs");
	for (int i = 0; i < 2; i++) {
		v4 = !i;
		tests();
	}
	return tap_end();
}
