// SPDX-License-Identifier: GPL-2.0
/*
 * xrpc-test: mode=icount kernels=6.1,6.12,debug timeout=300
 *
 * A client behind a NAT whose mapping changes: in the middle of a call, of a
 * message, of an opening, and while the session idles.  Every call is replied
 * to and runs once.  Nobody who repeats a packet from elsewhere takes a session
 * over, nor has another flooded.
 */
#include "rawip.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>

#define PORT	7000
#define BIG	65536

static bool v4;
static const char *server_addr, *victim_addr;
static int cl, srv, wire;

/* ---- the network ----------------------------------------------------- */

static void network(void)
{
	setup_router();
	run("set -e; "
	    /* where a victim would be */
	    "mac=$(ip netns exec r cat /sys/class/net/rs/address);"
	    "ip -n s neigh replace 10.0.0.99 lladdr $mac dev vs;"
	    "ip -n s neigh replace fd00::99 lladdr $mac dev vs;"
	    "ip netns exec r nft 'table inet nat { chain post {"
	    " type nat hook postrouting priority 100; }; }'");
}

/* The router forgets its mappings. */
static void forget_mappings(void)
{
	struct {
		struct nlmsghdr n;
		struct nfgenmsg g;
	} m = {
		.n.nlmsg_len = sizeof(m),
		.n.nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 |
				IPCTNL_MSG_CT_DELETE,
		.n.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		.g.nfgen_family = AF_UNSPEC,
	};
	struct {
		struct nlmsghdr n;
		struct nlmsgerr e;
	} ack = {};
	int fd;

	ns_enter("r");
	fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
	if (send(fd, &m, sizeof(m), 0) != sizeof(m) ||
	    recv(fd, &ack, sizeof(ack), 0) < (ssize_t)sizeof(ack.n) ||
	    ack.e.error) {
		printf("Bail out! conntrack: %s\n", strerror(-ack.e.error));
		exit(1);
	}
	close(fd);
}

/* From here on new mappings get ports of another range. */
static void other_ports(void)
{
	static int base = 20000;

	base = base < 60000 ? base + 1000 : 20000;
	run("ip netns exec r nft 'flush chain inet nat post;"
	    " add rule inet nat post ip saddr 192.168.0.2 meta l4proto udp"
	    " masquerade to :%d-%d;"
	    " add rule inet nat post ip6 saddr fd01::2 meta l4proto udp"
	    " masquerade to :%d-%d'", base, base + 999, base, base + 999);
}

/* The mapping of what is under way changes, as when a NAT was restarted. */
static void remap(void)
{
	other_ports();
	forget_mappings();
}

static void delay(const char *ms)
{
	run("tc -n r qdisc replace dev rs root netem delay %s limit 10000;"
	    "tc -n r qdisc replace dev rc root netem delay %s limit 10000",
	    ms, ms);
}

/* ---- calls ----------------------------------------------------------- */

static unsigned int runs[10000], next_id = 1;
static unsigned char buf[BIG];
static struct sockaddr_xrpc from;

/* Begin a call of @len bytes. */
static uint32_t begin(size_t len)
{
	uint32_t id = next_id++;

	fill_call(buf, id, len);
	if (send(cl, buf, len, 0) != (ssize_t)len) {
		printf("# send: %s\n", strerror(errno));
		return 0;
	}
	return id;
}

/* Whether a right request comes to the server; it counts as run. */
static bool request(uint32_t id, size_t len, int ms)
{
	uint32_t got = 0;
	ssize_t n;

	if (!readable(srv, ms))
		return false;
	n = get_request(srv, buf, sizeof(buf), &from);
	if (n < (ssize_t)sizeof(got))
		return false;
	memcpy(&got, buf, sizeof(got));
	if (got < sizeof(runs) / sizeof(runs[0]))
		runs[got]++;
	return got == id && is_call(buf, n, id, len);
}

static bool answer(uint32_t id, size_t len)
{
	fill_call(buf, id, len);
	return give_answer(srv, buf, len, &from) == (ssize_t)len;
}

/* Whether the right reply comes to the client. */
static bool reply(uint32_t id, size_t len, int ms)
{
	ssize_t n;

	if (!readable(cl, ms))
		return false;
	n = recv(cl, buf, sizeof(buf), 0);
	if (n < 0)
		printf("# call %u: %s\n", id, strerror(errno));
	return is_call(buf, n, id, len);
}

static bool call(size_t len, size_t reply_len)
{
	uint32_t id = begin(len);

	return id && request(id, len, 20000) && answer(id, reply_len) &&
	       reply(id, reply_len, 20000);
}

static void sessions(void)
{
	ns_enter("s");
	srv = server_at(at(server_addr, PORT, 0));
	ns_enter("c");
	cl = client_to(at(server_addr, PORT, 0));
}

/* ---- the cases ------------------------------------------------------- */

static void test_mapped(void)
{
	uint64_t before = ns_counter("s", "SessionsOpened");

	ok(call(100, 100) && ntohs(from.sxr_port) >= 20000,
	   "a call through the NAT");
	ok(call(BIG, BIG), "64 KiB each way");
	ok(ns_counter("s", "SessionsOpened") == before + 1, "in one session");
}

static void test_idle(void)
{
	uint64_t opened, retry;
	int port;

	run("ip netns exec r sysctl -qw net.netfilter.nf_conntrack_udp_timeout=2"
	    " net.netfilter.nf_conntrack_udp_timeout_stream=2");
	ok(call(100, 100), "a call through a mapping that lasts two seconds");
	port = ntohs(from.sxr_port);
	opened = ns_counter("s", "SessionsOpened");
	retry = ns_counter("s", "TokenRetry");
	other_ports();
	sleep(5);
	ok(call(100, 100), "a call after idling longer than the mapping");
	ok(ntohs(from.sxr_port) != port, "comes from another port");
	ok(ns_counter("s", "SessionsOpened") == opened &&
	   ns_counter("s", "TokenRetry") == retry + 1,
	   "which had to prove itself, in the session there was");
	ok(call(100, 100) && ns_counter("s", "TokenRetry") == retry + 1,
	   "the next one needs no more of it");
	run("ip netns exec r sysctl -qw net.netfilter.nf_conntrack_udp_timeout=30"
	    " net.netfilter.nf_conntrack_udp_timeout_stream=120");
}

/* The mapping changes while a call executes, for so long. */
static void test_executing(int before_ms, int after_ms)
{
	uint32_t id = begin(50);
	uint64_t begun;

	ok(id && request(id, 50, 5000), "a call executes");
	usleep(before_ms * 1000);
	remap();
	usleep(after_ms * 1000);
	begun = ms_now();
	ok(answer(id, 60) && reply(id, 60, 20000),
	   "its mapping changes after %d ms, the answer comes %d ms later: replied",
	   before_ms, after_ms);
	printf("# %u ms after the answer\n", (unsigned int)(ms_now() - begun));
}

static void test_executing_long(void)
{
	uint32_t id = begin(50);

	ok(id && request(id, 50, 5000), "a long call");
	for (int i = 0; i < 4; i++) {
		sleep(3);
		remap();
	}
	ok(answer(id, BIG) && reply(id, BIG, 20000),
	   "whose mapping changes four times gets its 64 KiB");
}

/* Wait until some packets of a message passed, and not all. */
static bool passing(int sport, int dport, int packets)
{
	struct ip_packet p;

	while (packets-- > 0) {
		if (!pkt_catch(wire, &p, sport, dport, 5000))
			return false;
	}
	return true;
}

static void test_messages(void)
{
	uint32_t id;

	delay("20ms");
	pkt_flush(wire);
	id = begin(BIG);
	ok(id && passing(0, PORT, 15) && !readable(srv, 0),
	   "a request of 64 KiB is under way");
	remap();
	ok(request(id, BIG, 20000), "its mapping changes: it arrives");
	pkt_flush(wire);
	ok(answer(id, BIG) && passing(PORT, 0, 15) && !readable(cl, 0),
	   "a reply of 64 KiB is under way");
	remap();
	ok(reply(id, BIG, 20000), "its mapping changes: it arrives");
	delay("0ms");
}

static void test_opening(void)
{
	struct ip_packet p;
	uint32_t id;

	close(cl);
	close(srv);
	sessions();
	delay("20ms");
	pkt_flush(wire);
	id = begin(100);
	ok(id && pkt_catch(wire, &p, PORT, 0, 5000) &&
	   pkt_frame(&p, XRPC_FT_TOKEN), "a token is on its way");
	usleep(30000);
	remap();
	ok(request(id, 100, 20000),
	   "the mapping changes while a session opens: the call runs");
	remap();
	ok(answer(id, BIG) && reply(id, BIG, 20000),
	   "and changes again before the answer: replied");
	delay("0ms");
}

static void test_many(int n)
{
	int i, bad = 0;

	for (i = 0; i < n; i++) {
		static const int sizes[] = { 4, 100, 1400, 5000, 60000 };
		uint32_t id = begin(sizes[random() % 5]);
		size_t len = id ? sizes[random() % 5] : 0;

		/* the lengths of both halves go by the seed */
		if (random() % 3 == 0)
			remap();
		if (!id || !readable(srv, 20000))
			break;
		ssize_t got = get_request(srv, buf, sizeof(buf), &from);

		if (got < 4 || !is_call(buf, got, id, got))
			break;
		runs[id]++;
		if (random() % 3 == 0)
			remap();
		bad += !answer(id, len) || !reply(id, len, 20000);
	}
	ok(i == n && !bad, "%d calls whose mappings change: %d, %d bad", n, i,
	   bad);
}

/* A client's packet again, as from another place, with a sequence of its own. */
static void test_spoofed(void)
{
	unsigned int sent = 0, answers = 0, large = 0, bytes = 0, in = 0;
	struct ip_packet p, q;
	uint64_t before;
	struct xrpc_hdr *h;
	struct xrpc_data *d;
	int raw, i, port;
	uint32_t pn, seq;

	pkt_flush(wire);
	ok(call(100, 100), "a call, seen by somebody");
	port = ntohs(from.sxr_port);
	if (!ok(pkt_catch(wire, &p, 0, PORT, 100) &&
		(d = pkt_frame(&p, XRPC_FT_DATA)) != NULL,
		"who has its packet"))
		return;
	raw = raw_socket("r", v4);
	h = pkt_xrpc(&p);
	pn = be32toh(h->pn);
	seq = be32toh(d->seq);
	pkt_set_addr(&p, true, victim_addr);
	pkt_udp(&p)->source = htons(7777);
	pkt_flush(wire);
	before = ns_counter("s", "TokenRetry") +
		 ns_counter("s", "DropUnproven");
	ns_enter("r");
	for (i = 0; i < 200; i++) {
		h->pn = htobe32(pn + 100 + i);
		d->seq = htobe32(seq + 1 + i);
		d->chan = htobe16(i & 1);
		pkt_finish(&p);
		sent += raw_send(raw, &p);
		in = pkt_xrpc_len(&p);
	}
	close(raw);
	while (pkt_catch(wire, &q, PORT, 7777, 200)) {
		if (!pkt_addr_is(&q, false, victim_addr))
			continue;
		answers++;
		bytes += pkt_xrpc_len(&q);
		large += pkt_xrpc_len(&q) > 3 * (ssize_t)in;
		if (pkt_frame(&q, XRPC_FT_DATA))
			large++;
	}
	ok(sent == 200 && ns_counter("s", "TokenRetry") +
			  ns_counter("s", "DropUnproven") == before + 200,
	   "it repeats it from a victim's address, with new numbers");
	ok(!readable(srv, 20), "nothing of that is executed");
	ok(answers && !large && bytes <= 3 * in * sent,
	   "the victim gets at most three times each packet, and no data");
	printf("# %u packets of %u bytes gave %u answers, %u bytes\n", sent, in,
	       answers, bytes);
	ok(answers <= sent / 4, "and few of them: %u for %u", answers, sent);
	ok(call(100, 100) && ntohs(from.sxr_port) == port &&
	   !pkt_catch(wire, &q, PORT, 7777, 100),
	   "the session stays with its client");
}

static void tests(void)
{
	unsigned int i, twice = 0, never = 0;

	next_id = 1;
	memset(runs, 0, sizeof(runs));
	server_addr = v4 ? "10.0.0.2" : "fd00::2";
	victim_addr = v4 ? "10.0.0.99" : "fd00::99";
	printf("# over IPv%d\n", v4 ? 4 : 6);
	other_ports();
	sessions();
	test_mapped();
	test_idle();
	test_executing(0, 0);
	test_executing(0, 3000);
	/* idle time is not free where ticks are dear */
	if (v4 || scaled(10) > 1) {
		test_executing(1000, 12000);
		test_executing_long();
	}
	test_messages();
	test_opening();
	test_many(scaled(100));
	test_spoofed();
	for (i = 1; i < next_id; i++) {
		twice += runs[i] > 1;
		never += !runs[i];
	}
	ok(!twice && !never, "%u calls, each ran once: %u twice, %u never",
	   next_id - 1, twice, never);
	close(cl);
	close(srv);
}

int main(void)
{
	tap_begin();
	srandom(1);
	network();
	wire = packet_socket("r", "rs");
	for (int i = 0; i < 2; i++) {
		v4 = !i;
		tests();
	}
	return tap_end();
}
