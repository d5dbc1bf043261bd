/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the module share: objects, locks, and the functions that
 * cross files, grouped by the file that defines them.
 *
 * Locking
 * =======
 * There is no global lock on a packet's way.  In the order they nest:
 *
 *   lock_sock(sk)		binding, connecting, options of an AF_XRPC socket.
 *				Sleeps; never taken by packets or timers.
 *   nets_mutex		(vmfork.c) which namespaces there are.  Sleeps.
 *   xn->ep_mutex		which endpoints a namespace has, their users and
 *				lingering.  Sleeps.
 *   xs->sess_lock		a client socket's table of sessions.
 *   s->lock			everything of one session: channels, the calls'
 *				transport state, packet numbers, window, path.
 *   sk->sk_receive_queue.lock	an AF_XRPC socket's queue (qlock below): calls
 *				waiting to be received, handles, cookies, waiters,
 *				sk_forward_alloc, sk_wmem_queued.
 *   ep->lock			an endpoint's list of sessions and of services.
 *   xn->peer_lock		the cache of peers.
 *
 * All but the first three are spin locks taken with bottom halves off.  Two locks
 * of one kind are never held together.
 *
 * Nothing is transmitted and no socket buffer freed under s->lock: packets are
 * built under it, put on a struct xrpc_txq, and sent by xrpc_txq_flush() when
 * it is released.  A write_space callback may run under a qdisc's lock, and
 * over loopback a packet may come back to its own session before the transmit
 * function returns.
 *
 * Lookups by connection id, of endpoints' services and of sockets are RCU.
 * Packets are built and flushed inside one RCU read-side section, since they
 * carry the session's cached route without a reference; in process context that
 * is xrpc_session_begin() to xrpc_session_end().
 *
 * References
 * ==========
 *   endpoint	one a bound socket, one a session, one while it lingers
 *   session	one while it is in the tables (dropped by xrpc_session_close()),
 *		one a call object, one while its timer is armed
 *   call	one where it stands (channel, pending list, queue), one while it
 *		is the server's and a socket has it (queue or handle)
 *   socket	the file's only.  A call's @sk is good while it is set, under
 *		s->lock: the socket's release takes each of its calls' locks to
 *		clear it
 *
 * A user's socket pins its namespace and the module.  Endpoints that linger pin
 * neither: namespace exit destroys them, and the module's exit waits for that
 * and for RCU.
 */
#ifndef XRPC_INTERNAL_H
#define XRPC_INTERNAL_H

#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rhashtable.h>
#include <linux/siphash.h>
#include <linux/skbuff.h>
#include <linux/tracepoint-defs.h>
#include <linux/u64_stats_sync.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <linux/xrpc.h>

#include "compat/compat.h"
#include "cong.h"
#include "mib.h"
#include "ranges.h"
#include "rtt.h"
#include "wire.h"

#define XRPC_CHANS_MAX		1024
#define XRPC_CHUNK		32	/* channels allocated together */
#define XRPC_SENT_MIN		16	/* sent packets remembered, at first */
#define XRPC_SENT_MAX		4096
#define XRPC_MSS_MAX		8800	/* bytes of data a packet */
#define XRPC_MSS_MIN		XRPC_SEG_MIN
/* In front of a packet's data: all headers, from Ethernet to the DATA frame. */
#define XRPC_HEADROOM		ALIGN(LL_MAX_HEADER + 40 + 8 +		\
				      XRPC_WIRE_OVERHEAD + 64, 16)

#define XRPC_ACK_DELAY_SERVER	(5 * NSEC_PER_MSEC)
#define XRPC_ACK_DELAY_CLIENT	(10 * NSEC_PER_MSEC)
#define XRPC_ACK_DELAY_MAX	NSEC_PER_SEC	/* a peer may announce */
#define XRPC_ACK_EVERY		8	/* packets of an unfinished message */
#define XRPC_GIVE_UP		(10ULL * NSEC_PER_SEC)
#define XRPC_STALL		NSEC_PER_SEC	/* a timer so late tells of one */
#define XRPC_RETRY_MIN		(50 * NSEC_PER_MSEC)	/* of replayable calls */
#define XRPC_PROBE_MIN		(250 * NSEC_PER_MSEC)
#define XRPC_PACKET_THRESHOLD	3	/* RFC 9002, 6.1.1 */
#define XRPC_TOKEN_LIFETIME	(600ULL * NSEC_PER_SEC)
/* A closed session's id: longer than any token that may open with it lives. */
#define XRPC_ID_MEMORY		(XRPC_TOKEN_LIFETIME + 2 * NSEC_PER_SEC)
#define XRPC_IDLE_SERVER	(300ULL * NSEC_PER_SEC)
#define XRPC_IDLE_CLIENT	(240ULL * NSEC_PER_SEC)
#define XRPC_DEADLINE_DEFAULT	(30ULL * NSEC_PER_SEC)
#define XRPC_SPARE_SKB_MAX	4096	/* truesize of buffers kept to be reused */
#define XRPC_ANSWERS_MAX	16	/* to what one packet asks */
#define XRPC_UNPROVEN_PACKETS	10	/* to a client that has not shown the id */
#define XRPC_MOVE_EVERY		(20 * NSEC_PER_MSEC)	/* a token to elsewhere */
#define XRPC_MOVE_BURST		4	/* of those at once */
#define XRPC_NEAR_AFTER		64	/* calls on a channel: udp.c */
/* A send may wait for memory, but whoever has none is told so, not killed. */
#define XRPC_GFP_SEND		(GFP_KERNEL | __GFP_RETRY_MAYFAIL)

struct xrpc_call;
struct xrpc_session;

/* ---- namespace ------------------------------------------------------- */

#define XRPC_EP_BUCKETS		64
#define XRPC_LIMIT_SLOTS	1024

/**
 * struct xrpc_net - what one network namespace has
 * @net: the namespace
 * @list: in the list of vmfork.c
 * @sessions: by local connection id (RCU; writers lock a bucket)
 * @remotes: by endpoint and the remote's connection id
 * @peers: cached peers by address and port
 * @peer_lock: protects @peer_lru, @npeers and the peers' contents
 * @peer_lru: peers, least recently used first
 * @npeers: how many
 * @ep_mutex: protects @endpoints, their users and lingering
 * @endpoints: by port
 * @mib: counters
 * @kept: bytes of replies kept for duplicates and of requests arriving
 * @nsessions: sessions that clients opened, the closed and remembered included
 * @clients: those of them by a client's hashed address and port
 * @prefixes: and by the prefix of its address
 * @ntokenless: calls here that came without a token
 * @links: when an interface last came or went, by its index (link.c)
 * @link_any: when any did
 * @link_lost: when one did that could not be noted
 * @limit_key: of these hashes
 * @relief: raises the oldest acceptable time of minting
 * @relieved: when it did last, ns
 * @sysctl_max_sessions: most of @nsessions
 * @sysctl_max_sessions_client: most of one address and port
 * @sysctl_max_sessions_prefix: most of one prefix
 * @sysctl_kept_max: most bytes in @kept
 * @sysctl_kept_session_max: most bytes of one session in @kept
 * @sysctl_linger_ms: how long an endpoint outlives its last socket
 * @sysctl_max_tokenless: most of @ntokenless
 * @sysctl_trust_horizon: whether refusals prove that a call did not run
 * @sysctl_header: registered sysctls
 * @sysctl_table: their table
 */
struct xrpc_net {
	struct net		*net;
	struct list_head	list;
	struct rhashtable	sessions;
	struct rhashtable	remotes;
	struct rhashtable	peers;
	spinlock_t		peer_lock;
	struct list_head	peer_lru;
	unsigned int		npeers;
	struct mutex		ep_mutex;
	struct hlist_head	endpoints[XRPC_EP_BUCKETS];
	struct xrpc_mib __percpu *mib;
	atomic_long_t		kept;
	atomic_t		nsessions;
	atomic_t		*clients;
	atomic_t		*prefixes;
	atomic_t		ntokenless;
	struct xarray		links;
	unsigned long		link_any;
	unsigned long		link_lost;
	siphash_key_t		limit_key;
	struct work_struct	relief;
	u64			relieved;
	unsigned int		sysctl_max_sessions;
	unsigned int		sysctl_max_sessions_client;
	unsigned int		sysctl_max_sessions_prefix;
	unsigned int		sysctl_kept_max;
	unsigned int		sysctl_kept_session_max;
	unsigned int		sysctl_linger_ms;
	unsigned int		sysctl_max_tokenless;
	unsigned int		sysctl_trust_horizon;
	struct ctl_table_header	*sysctl_header;
	struct ctl_table	*sysctl_table;
};

#define XRPC_INC(xn, f)		this_cpu_inc((xn)->mib->v[XRPC_MIB_##f])
#define XRPC_ADD(xn, f, n)	this_cpu_add((xn)->mib->v[XRPC_MIB_##f], n)

/* ---- endpoint -------------------------------------------------------- */

/* Of four the oldest is always past its last token. */
#define XRPC_SECRETS		4

/* A secret that tokens are minted with, and its number; 0: none yet. */
struct xrpc_secret {
	siphash_key_t		key;
	u64			number;
};

/**
 * struct xrpc_endpoint - a local UDP socket that carries XRPC packets
 * @ref: references
 * @rcu: frees it
 * @node: in xrpc_net.endpoints (ep_mutex)
 * @xn: namespace
 * @usock: the UDP socket; NULL once closed (ep_mutex)
 * @usk: its sock, held as long as the endpoint
 * @addr: local address, v4-mapped for IPv4; :: for all
 * @port: local port, host order
 * @ifindex: bound interface or 0
 * @family: of the UDP socket
 * @bound: a server's (bound by the user), not an autobound client's
 * @dead: closed: nothing is sent or taken any more
 * @pinned: the UDP socket is connected to the one peer there is (ep_mutex)
 * @uid: user that bound it
 * @users: bound sockets (ep_mutex)
 * @epoch: this life of the duplicate records
 * @since: when the records began, or something else last had the address and
 *	   port, CLOCK_BOOTTIME ns
 * @secrets: that tokens are minted with (ep->lock to write)
 * @mint_min: tokens minted before it are not accepted, microseconds
 * @id_key: secret that connection ids are drawn with
 * @id_next: ids drawn
 * @lock: protects @sessions, @closed and @services
 * @sessions: all sessions but
 * @closed: those that are over and remembered, in the order they ended
 * @nserver: those among them that clients opened
 * @services: bound sockets (RCU)
 * @linger: ends the endpoint after its last socket
 * @near: a server's second UDP socket, connected to its client (ep_mutex)
 */
struct xrpc_endpoint {
	refcount_t		ref;
	struct rcu_head		rcu;
	struct hlist_node	node;
	struct xrpc_net		*xn;
	struct socket		*usock;
	struct sock		*usk;
	struct in6_addr		addr;
	u16			port;
	int			ifindex;
	u8			family;
	bool			bound;
	bool			dead;
	bool			pinned;
	kuid_t			uid;
	unsigned int		users;
	u64			epoch;
	u64			since;
	struct xrpc_secret	secrets[XRPC_SECRETS];
	u64			mint_min;
	siphash_key_t		id_key;
	atomic64_t		id_next;
	spinlock_t		lock;
	struct list_head	sessions;
	struct list_head	closed;
	unsigned int		nserver;
	struct hlist_head	services;
	struct delayed_work	linger;
	struct socket		*near;
};

/* ---- message buffers ------------------------------------------------- */

/**
 * struct xrpc_buf - a message longer than a packet
 * @len: bytes
 * @npages: entries of @pages
 * @charge: bytes it counts as
 * @have: send: bytes acknowledged; receive: bytes that arrived
 * @lost: send: bytes to send again
 * @pages: the bytes; on receive allocated as they come
 */
struct xrpc_buf {
	u32			len;
	u32			npages;
	u32			charge;
	struct xrpc_ranges	have;
	struct xrpc_ranges	lost;
	struct page		*pages[];
};

/**
 * struct xrpc_tx - the half of a call that is sent from here
 * @skb: one-packet message, @len bytes at skb->data; may be left from the last
 *	 message for its memory (then @len is what counts)
 * @buf: longer message, or NULL
 * @len: bytes
 * @next: bytes sent at least once (1 for an empty message that was)
 * @in_flight: bytes the window counts for it
 * @last_pn: number of the newest packet
 * @last_sent: when that was, ns; 0: never
 * @word: method of a request, status of a reply
 * @flags: XRPC_DF_* that go with every segment
 * @backoff: time-outs in a row
 * @acked: all of it was acknowledged
 */
struct xrpc_tx {
	struct sk_buff		*skb;
	struct xrpc_buf		*buf;
	u32			len;
	u32			next;
	u32			in_flight;
	u64			last_pn;
	u64			last_sent;
	u32			word;
	u8			flags;
	u8			backoff;
	bool			acked;
};

/**
 * struct xrpc_rx - the half of a call that is received here
 * @skb: one-packet message: @len bytes at @off
 * @buf: longer message
 * @len: bytes
 * @off: offset in @skb
 * @charge: bytes charged to the socket
 * @word: method of a request, status of a reply
 */
struct xrpc_rx {
	struct sk_buff		*skb;
	struct xrpc_buf		*buf;
	u32			len;
	u32			off;
	u32			charge;
	u32			word;
};

/* ---- call ------------------------------------------------------------ */

/* States of a call object; s->lock protects them. */
enum xrpc_call_state {
	XRPC_CALL_IDLE,		/* kept for its memory only */
	/* client */
	XRPC_CALL_PENDING,	/* waits for a session or a channel; unsent */
	XRPC_CALL_SENDING,	/* request not wholly acknowledged */
	XRPC_CALL_WAITING,	/* request acknowledged, reply awaited: probe */
	XRPC_CALL_RECEIVING,	/* part of the reply is here */
	XRPC_CALL_CANCELING,	/* given up; the server's word is awaited */
	XRPC_CALL_DONE,		/* ended; off its channel */
	/* server */
	XRPC_CALL_ARRIVING,	/* part of the request is here */
	XRPC_CALL_QUEUED,	/* whole request at a socket, not answered */
	XRPC_CALL_REPLIED,	/* answered, answer not acknowledged */
	XRPC_CALL_ACKED,	/* answer acknowledged */
	XRPC_CALL_GONE,		/* detached: a late answer is refused */
};

#define XRPC_CALLF_TAKEN	0x01	/* delivered: a receive took it (qlock) */
#define XRPC_CALLF_WAITER	0x02	/* a system call waits for the reply */
#define XRPC_CALLF_TOLD		0x04	/* its waiter may read the outcome */
#define XRPC_CALLF_COOKIE	0x08	/* in the tree of cookies (qlock) */
#define XRPC_CALLF_DRAINED	0x10	/* its socket is giving it up (qlock) */
#define XRPC_CALLF_NOTICE	0x20	/* queued to tell that it was given up (qlock) */
#define XRPC_CALLF_QUIET	0x40	/* a reply is not told of */

/**
 * struct xrpc_call - one call, at either side
 * @link: s->pending (s->lock), or the socket's queue (qlock)
 * @tx_link: s->txq, has bytes to send (s->lock)
 * @ref: references
 * @s: session, referenced
 * @sk: client: its socket; server: the socket that has it (s->lock)
 * @state: enum xrpc_call_state (s->lock)
 * @cflags: XRPC_CALLF_* (qlock unless marked)
 * @outcome: enum xrpc_outcome (client, once told)
 * @tell_deadline: client: the deadline goes with the request
 * @oneway: wants no answer: the transport replies when it is received
 * @told_acked: server: request acknowledged explicitly (s->lock)
 * @tokenless: client: was sent without a token
 * @replayed: client: a replayable call that was sent without a token, or under
 *	      another sequence: that it did not run cannot be told any more
 * @chan: channel
 * @seq: sequence on it
 * @handle: what the server's application calls it
 * @peer_addr: server: where the request came from
 * @peer_port: likewise
 * @cookie: what the client's application calls it
 * @cookie_node: in the tree of cookies
 * @waiter: task that waits in XRPC_IOC_CALL
 * @error: errno the call ended with
 * @deadline: ns, monotonic; U64_MAX: none
 * @first_sent: client: first transmission, CLOCK_BOOTTIME ns; 0: never
 * @arrived: server: when the request was complete; client: unused
 * @heard: when a packet last spoke of it, ns
 * @charged: bytes charged to the client socket's send side (qlock)
 * @kept: server: bytes charged to session and namespace (s->lock)
 * @retry: client: earliest time it is sent again, ns (PENDING)
 * @retries: client: how often it was
 * @tx: half sent from here
 * @rx: half received here
 */
struct xrpc_call {
	struct list_head	link;
	struct list_head	tx_link;
	refcount_t		ref;
	struct xrpc_session	*s;
	struct sock		*sk;
	u8			state;
	u8			cflags;
	u8			outcome;
	bool			tell_deadline;
	bool			oneway;
	bool			told_acked;
	bool			tokenless;
	bool			replayed;
	u16			chan;
	u32			seq;
	u64			handle;
	struct in6_addr		peer_addr;
	__be16			peer_port;
	u64			cookie;
	struct rb_node		cookie_node;
	struct task_struct	*waiter;
	int			error;
	u64			deadline;
	u64			first_sent;
	u64			arrived;
	u64			heard;
	u32			charged;
	u32			kept;
	u64			retry;
	u8			retries;
	struct xrpc_tx		tx;
	struct xrpc_rx		rx;
};

/* ---- session --------------------------------------------------------- */

/* States of a channel; s->lock protects them. */
enum xrpc_chan_state {
	XRPC_CHAN_IDLE,		/* no call yet, or the last one is settled */
	XRPC_CHAN_ACTIVE,	/* a call object stands in it */
	XRPC_CHAN_CANCELING,	/* client: the caller was told; CANCEL under way */
	XRPC_CHAN_VERDICT,	/* server: @verdict answers duplicates */
};

/**
 * struct xrpc_chan - a slot that carries one call at a time
 * @call: its call, or one kept for its memory
 * @seq: newest sequence; client: last one used
 * @state: enum xrpc_chan_state
 * @verdict: enum xrpc_status_code of @seq
 * @backoff: time-outs in a row (CANCELING)
 * @due: CANCELING: next transmission; client: when DONE is owed; ns
 * @since: CANCELING: since when
 */
struct xrpc_chan {
	struct xrpc_call	*call;
	u32			seq;
	u8			state;
	u8			verdict;
	u8			backoff;
	u64			due;
	u64			since;
};

/**
 * struct xrpc_sent - a data packet that was sent
 * @pn: its number
 * @time: when, ns
 * @off: first byte of the message in it
 * @len: bytes of the message in it
 * @seq: sequence of its call
 * @chan: channel of its call
 * @live: neither acknowledged nor lost nor its call over
 */
struct xrpc_sent {
	u64			pn;
	u64			time;
	u32			off;
	u32			len;
	u32			seq;
	u16			chan;
	bool			live;
};

/* Where a session's packets go, and how.  s->lock protects it. */
struct xrpc_path {
	struct in6_addr		raddr;
	struct in6_addr		laddr;
	__be16			rport;
	bool			v4;
	u8			tos;
	int			oif;
	u32			mark;
	u32			priority;
	kuid_t			uid;
	struct dst_entry	*dst;
	u32			dst_cookie;
	u32			mss;
};

enum xrpc_session_state {
	XRPC_SESS_NEW,		/* client: no token asked for yet */
	XRPC_SESS_TOKEN,	/* client: token asked for */
	XRPC_SESS_OPENING,	/* client: server's id not known yet */
	XRPC_SESS_OPEN,		/* both ids known */
	XRPC_SESS_REOPENING,	/* client: the server may not know it any more */
	XRPC_SESS_CLOSED,	/* over; server: client's id remembered */
	XRPC_SESS_DEAD,		/* out of all tables, timer off for good */
};

/**
 * struct xrpc_session - one client socket with one service of one endpoint
 * @id_node: in xrpc_net.sessions
 * @remote_node: in xrpc_net.remotes
 * @ep_link: in ep->sessions (ep->lock)
 * @sk_link_node: client: in the socket's table (xs->sess_lock)
 * @id: connection id that packets to here carry
 * @remote: key of @remote_node: endpoint and the id packets from here carry
 * @ep: endpoint, referenced
 * @xn: namespace
 * @sk: client: its socket; valid until closed
 * @service: service
 * @server: opened by the other side
 * @tokenless: server: in no table, for one call that came without a token
 * @ref: references
 * @rcu: frees it
 * @lock: protects all that follows
 */
struct xrpc_session {
	struct rhash_head	id_node;
	u64			id;
	struct xrpc_endpoint	*ep;
	struct xrpc_net		*xn;
	struct sock		*sk;
	u32			service;
	bool			server;
	bool			tokenless;
	refcount_t		ref;

	spinlock_t		lock;
	u8			state;
	bool			proven;		/* server: id was shown back */
	bool			show_id;	/* server: the client asks for it */
	bool			in_remotes;
	bool			timer_armed;
	bool			timer_runs;	/* its callback has the lock */
	bool			ack_now;	/* an ACK frame is owed at once */
	bool			taking;		/* a packet, perhaps in vain */
	bool			pump_due;	/* once it is taken or not */
	bool			no_ack;		/* before that nothing has ACK */
	u8			rx_unacked;	/* packets since the last ACK */
	u8			answers;	/* given to the packet at hand */
	u8			open_backoff;
	u16			chans;		/* channels there may be */
	u64			timer_due;	/* ns, while armed */
	u64			timer_next;	/* ns, asked for while it runs */
	u64			next_pn;
	u64			echo_pn;	/* largest received */
	u64			echo_time;	/* when that was */
	u64			rtt_pn;		/* largest echoed to us */
	u64			heard;		/* last packet of the peer, ns */
	u64			used;		/* last call began or ended, ns */
	u64			peer_ack_delay;	/* ns */
	u64			ack_due;	/* ns, while rx_unacked */
	struct xrpc_path	path;
	struct xrpc_rtt		rtt;
	struct xrpc_cong	cong;
	struct xrpc_sent	*sent;		/* ring, index is pn & mask */
	u32			sent_mask;
	u64			sent_lo;	/* oldest that may be live */
	struct list_head	txq;		/* calls with bytes to send */
	struct list_head	pending;	/* client: calls without channel */
	unsigned long		busy[BITS_TO_LONGS(XRPC_CHANS_MAX)];
	unsigned long		owed[BITS_TO_LONGS(XRPC_CHANS_MAX)];
	struct xrpc_chan	*chunk[XRPC_CHANS_MAX / XRPC_CHUNK];
	struct hrtimer		timer;

	/* slow-path state */
	struct xrpc_ranges	rx_pns;		/* received */
	struct xrpc_sent	sent0[XRPC_SENT_MIN];
	struct rhash_head	remote_node;
	struct xrpc_remote_key {
		struct xrpc_endpoint	*ep;
		u64			id;
	} remote;
	struct list_head	ep_link;
	struct hlist_node	sk_link_node;
	struct rcu_head		rcu;
	struct xrpc_token	token;
	u64			token_pn;	/* first packet since @token came */
	u64			epoch;		/* of the server */
	u64			open_sent;	/* last opening or request, ns */
	u64			open_since;	/* first of them */
	u64			open_pn;	/* its packet number (REOPENING) */
	u64			first_open;	/* client: first opening packet
						 * with these ids and a token,
						 * CLOCK_BOOTTIME ns
						 */
	u64			closed;		/* when, ns */
	u64			kept;		/* bytes of replies kept */
	u64			unproven_rx;	/* bytes, until proven */
	u64			unproven_tx;
	u32			unproven_pkts;
	bool			unproven_held;	/* something was not sent */
	u16			limit_client;	/* slots, see limit.c */
	u16			limit_prefix;
	u64			stalled;	/* last time this host stood still,
						 * CLOCK_BOOTTIME ns
						 */
	u64			move_at;	/* tokens to elsewhere: paid until, ns */
};

/* ---- socket ---------------------------------------------------------- */

/* A receiver asleep on a socket (qlock). */
struct xrpc_waiter {
	struct list_head	link;
	struct task_struct	*task;
};

/* A call the application may answer (qlock). */
struct xrpc_slot {
	struct xrpc_call	*call;
	u64			gen;		/* handles issued for this slot */
	u32			next_free;
	bool			received;	/* not only peeked */
	bool			answering;
};

#define XRPC_SLOT_BITS		20
#define XRPC_SESS_BUCKETS	32

/**
 * struct xrpc_sock - an AF_XRPC socket
 * @sk: first
 * @ep: endpoint, once bound (lock_sock; read with smp_load_acquire)
 * @svc_node: in ep->services (ep->lock)
 * @service: service it is bound to
 * @listening: bound by the user: it receives requests
 * @connected: @peer is set (lock_sock)
 * @recvinfo: control messages at receive
 * @accept_replayable: option
 * @reuseport: shares its service with others that have it set too
 * @tos: of IPv4 packets
 * @tclass: of IPv6 packets
 * @load: requests queued or not yet answered (qlock)
 * @turn: how often it was chosen among equals
 * @peer: default destination
 * @conn: session of @peer, referenced (RCU; sess_lock to change)
 * @default_deadline: of new calls, ns
 * @sess_lock: protects @sessions, @conn
 * @sessions: sessions as client, by remote
 * @closing: release has begun: nothing is queued any more (qlock)
 * @rxq: calls to be received (qlock)
 * @waiters: receivers asleep (qlock)
 * @slots: handles (qlock)
 * @nslots: of @slots
 * @slot_free: first free slot plus one
 * @cookies: named calls (qlock)
 * @spare: a call object kept for its memory
 */
struct xrpc_sock {
	struct sock		sk;
	struct xrpc_endpoint	*ep;
	struct hlist_node	svc_node;
	u32			service;
	bool			listening;
	bool			connected;
	bool			recvinfo;
	bool			accept_replayable;
	bool			reuseport;
	u8			tos;
	u8			tclass;
	u32			load;
	u32			turn;
	struct sockaddr_xrpc	peer;
	struct xrpc_session __rcu *conn;
	u64			default_deadline;
	spinlock_t		sess_lock;
	struct hlist_head	sessions[XRPC_SESS_BUCKETS];
	bool			closing;
	struct list_head	rxq;
	struct list_head	waiters;
	struct xrpc_slot	*slots;
	u32			nslots;
	u32			slot_free;
	struct rb_root		cookies;
	struct xrpc_call	*spare;
};

static inline struct xrpc_sock *xrpc_sk(const struct sock *sk)
{
	return (struct xrpc_sock *)sk;
}

/* The slot of a handle that this socket issued. */
static inline struct xrpc_slot *xrpc_slot(struct xrpc_sock *xs, u64 handle)
{
	return &xs->slots[handle & ((1U << XRPC_SLOT_BITS) - 1)];
}

#define xrpc_qlock(sk)		spin_lock_bh(&(sk)->sk_receive_queue.lock)
#define xrpc_qunlock(sk)	spin_unlock_bh(&(sk)->sk_receive_queue.lock)
#define xrpc_assert_q(sk)	lockdep_assert_held(&(sk)->sk_receive_queue.lock)
#define xrpc_assert_s(s)	lockdep_assert_held(&(s)->lock)

/* Packets built under s->lock, to be sent without it. */
struct xrpc_txq {
	struct sk_buff		*head;
	struct sk_buff		**tail;
	struct sk_buff		*junk;	/* to be freed without the lock */
};

/* What the control messages of a send said. */
struct xrpc_send_info {
	u64			cookie;
	u64			deadline;	/* ns, 0: the socket's default */
	u32			method;		/* or status */
	u64			cancel;		/* cookie, 0: none */
	bool			replayable;
	bool			oneway;
	bool			has_status;
	bool			has_method;
};

/* What a receive that may be undone has to remember. */
struct xrpc_got {
	u64			handle;		/* 0: a result, or one-way */
	u32			charge;
	bool			notice;		/* that the request was given up */
};

/* af_xrpc.c */
extern struct proto xrpc_proto;
extern const struct net_proto_family xrpc_family;
extern long xrpc_sysctl_mem[3];
int xrpc_mem_init(void);
void xrpc_mem_exit(void);
void xrpc_addr_dest(struct sockaddr_xrpc *a);
int xrpc_autobind(struct sock *sk);
int xrpc_addr_check(const struct sockaddr_xrpc *a, int len);

/* call.c */
int xrpc_call_init(void);
void xrpc_call_exit(void);
struct xrpc_call *xrpc_call_alloc(gfp_t gfp);
void xrpc_call_put(struct xrpc_call *c);
void xrpc_rx_free(struct xrpc_rx *rx);
int xrpc_rx_segment(struct xrpc_session *s, struct xrpc_call *c,
		    const struct xrpc_seg *seg, struct sk_buff *skb, u64 now);

/* client.c */
void xrpc_client_end(struct xrpc_call *c, u8 outcome, int error);
int xrpc_client_start(struct xrpc_call *c, u64 timeout);
void xrpc_client_restart(struct xrpc_session *s, struct xrpc_call *c);
void xrpc_client_abandon(struct xrpc_call *c, int error, struct xrpc_txq *q,
			 u64 now);
int xrpc_client_cancel(struct xrpc_session *s, struct xrpc_call *c);
void xrpc_client_assign(struct xrpc_session *s, struct xrpc_txq *q, u64 now);
bool xrpc_client_data(struct xrpc_session *s, const struct xrpc_seg *seg,
		      struct sk_buff *skb, struct xrpc_txq *q, u64 now);
void xrpc_client_status(struct xrpc_session *s, u16 chan, u32 seq, u8 code,
			struct xrpc_txq *q, u64 now);

/* served.c */
bool xrpc_server_data(struct xrpc_session *s, const struct xrpc_seg *seg,
		      struct sk_buff *skb, struct xrpc_txq *q, u64 now);
void xrpc_server_done(struct xrpc_session *s, u16 chan, u32 seq);
void xrpc_server_probe(struct xrpc_session *s, u16 chan, u32 seq,
		       struct xrpc_txq *q, u64 now);
void xrpc_server_cancel(struct xrpc_session *s, u16 chan, u32 seq,
			struct xrpc_txq *q, u64 now);
void xrpc_server_detach(struct xrpc_session *s, struct xrpc_chan *ch);
bool xrpc_server_expire(struct xrpc_session *s, struct xrpc_chan *ch,
			struct xrpc_txq *q, u64 now);
void xrpc_server_verdict(struct xrpc_call *c, u8 code);
bool xrpc_server_move(struct xrpc_call *c, u32 charge);
int xrpc_server_answer(struct xrpc_call *c);
void xrpc_server_acked(struct xrpc_session *s, struct xrpc_call *c);
void xrpc_server_drop_call(struct xrpc_session *s, struct xrpc_chan *ch);
void xrpc_server_record(struct xrpc_session *s, u16 chan, struct xrpc_chan *ch,
			u8 code, struct xrpc_txq *q, u64 now);

/* msgbuf.c */
struct xrpc_buf *xrpc_buf_alloc(u32 len, bool pages, gfp_t gfp);
void xrpc_buf_free(struct xrpc_buf *b);
int xrpc_buf_write(struct xrpc_buf *b, u32 off, struct sk_buff *skb,
		   int skb_off, u32 len);
void xrpc_buf_frags(const struct xrpc_buf *b, struct sk_buff *skb, u32 off,
		    u32 len);
int xrpc_tx_from_iter(struct xrpc_tx *tx, u32 mss, struct iov_iter *from,
		      size_t len);
int xrpc_tx_empty(struct xrpc_tx *tx);
size_t xrpc_rx_to_iter(const struct xrpc_rx *rx, size_t len,
		       struct iov_iter *to);

/* endpoint.c */
int xrpc_endpoint_get_bound(struct sock *sk, const struct sockaddr_xrpc *addr);
int xrpc_endpoint_get_client(struct sock *sk);
void xrpc_endpoint_unbind(struct sock *sk);
void xrpc_endpoint_bind_dev(struct xrpc_endpoint *ep, int ifindex);
void xrpc_endpoint_put(struct xrpc_endpoint *ep);
struct sock *xrpc_endpoint_service(struct xrpc_endpoint *ep, u32 service);
u64 xrpc_endpoint_new_id(struct xrpc_endpoint *ep);
u64 xrpc_endpoint_horizon(const struct xrpc_endpoint *ep,
			  const struct in6_addr *laddr);
void xrpc_endpoint_renew_net(struct xrpc_net *xn);
void xrpc_endpoint_exit_net(struct xrpc_net *xn);

/* icmp.c */
void xrpc_icmp_setup(struct udp_tunnel_sock_cfg *cfg);

/* input.c */
int xrpc_input(struct sock *usk, struct sk_buff *skb);
void xrpc_input_path(const struct sk_buff *skb, struct xrpc_path *p);

/* open.c */
void xrpc_open_closed(struct xrpc_session *s, struct xrpc_txq *q, u64 now);
void xrpc_open_token(struct xrpc_session *s, const struct xrpc_token_frame *f,
		     u64 echo, struct xrpc_txq *q, u64 now);
void xrpc_open_accept(struct xrpc_session *s, const struct xrpc_accept *f,
		      struct xrpc_txq *q, u64 now);
void xrpc_open_nosession(struct xrpc_endpoint *ep, struct sk_buff *skb,
			 const struct xrpc_nosession *f);
void xrpc_open_token_req(struct xrpc_endpoint *ep, struct sk_buff *skb,
			 const struct xrpc_token_req *f);
void xrpc_open_send_retry(struct xrpc_endpoint *ep, struct xrpc_path *back,
			  u64 id, u32 pn, bool alive, u64 now);
void xrpc_open_retry(struct xrpc_endpoint *ep, struct sk_buff *skb, u64 id,
		     bool alive, u64 now);
struct xrpc_session *xrpc_open_packet(struct xrpc_endpoint *ep,
				      struct sk_buff *skb,
				      const struct xrpc_open *f, u64 now);

/* limit.c */
int xrpc_limit_init_net(struct xrpc_net *xn);
void xrpc_limit_exit_net(struct xrpc_net *xn);
bool xrpc_limit_take(struct xrpc_session *s, const struct xrpc_path *from);
void xrpc_limit_give(struct xrpc_session *s);

/* link.c */
unsigned long xrpc_link_age(struct xrpc_net *xn, const struct net_device *dev);
void xrpc_link_init_net(struct xrpc_net *xn);
void xrpc_link_exit_net(struct xrpc_net *xn);
int xrpc_link_init(void);
void xrpc_link_exit(void);

/* loss.c */
struct xrpc_sent *xrpc_sent_add(struct xrpc_session *s, u64 pn, u64 now);
void xrpc_sent_echo(struct xrpc_session *s, u32 echo, u32 delay, u64 now);
void xrpc_sent_ack(struct xrpc_session *s, const struct xrpc_ack_range *r,
		   unsigned int n, struct xrpc_txq *q, u64 now);
bool xrpc_sent_live(const struct xrpc_session *s, u64 pn);
void xrpc_sent_too_big(struct xrpc_session *s);
void xrpc_tx_settled(struct xrpc_session *s, struct xrpc_call *c, bool acked);
void xrpc_tx_lost_all(struct xrpc_session *s, struct xrpc_call *c);

/* main.c */
extern struct workqueue_struct *xrpc_wq;

/* mib.c */
int xrpc_mib_init_net(struct xrpc_net *xn);
void xrpc_mib_exit_net(struct xrpc_net *xn);

/* net.c */
struct xrpc_net *xrpc_net(const struct net *net);
int xrpc_net_init(void);
void xrpc_net_exit(void);

/* output.c */
void xrpc_txq_send(struct xrpc_endpoint *ep, struct xrpc_txq *q);
int xrpc_path_route(struct xrpc_endpoint *ep, struct xrpc_path *p);
void xrpc_send_segment(struct xrpc_session *s, struct xrpc_call *c, u32 off,
		       u32 len, bool ack_now, struct xrpc_txq *q, u64 now);
void xrpc_send_pump(struct xrpc_session *s, struct xrpc_txq *q, u64 now);
void xrpc_send_call(struct xrpc_session *s, struct xrpc_call *c,
		    struct xrpc_txq *q, u64 now);
void xrpc_send_proven(struct xrpc_session *s, struct xrpc_txq *q, u64 now);
void xrpc_send_acks(struct xrpc_session *s, struct xrpc_txq *q, u64 now);
void xrpc_send_callref(struct xrpc_session *s, u8 type, u16 chan, u32 seq,
		       struct xrpc_txq *q, u64 now);
void xrpc_send_status(struct xrpc_session *s, u16 chan, u32 seq, u8 code,
		      struct xrpc_txq *q, u64 now);
void xrpc_send_token_req(struct xrpc_session *s, struct xrpc_txq *q, u64 now);
void xrpc_send_close(struct xrpc_session *s, struct xrpc_txq *q, u64 now);
void xrpc_send_stray(struct xrpc_endpoint *ep, struct xrpc_path *p, u64 id,
		     u32 echo, const void *frame, u32 len, const void *data,
		     u32 data_len);

/* peer.c */
struct xrpc_peer_info {
	struct xrpc_token	token;
	u64			epoch;
	u64			expires;	/* ns; 0: no token */
	struct xrpc_rtt		rtt;
	struct in6_addr		laddr;		/* whom the token was given to */
	u16			lport;
};

int xrpc_peer_init_net(struct xrpc_net *xn);
void xrpc_peer_exit_net(struct xrpc_net *xn);
void xrpc_peer_flush(struct xrpc_net *xn);
bool xrpc_peer_get(struct xrpc_net *xn, const struct xrpc_path *path,
		   struct xrpc_peer_info *info);
void xrpc_peer_put(struct xrpc_net *xn, const struct xrpc_path *path,
		   const struct xrpc_peer_info *info);

/* recvmsg.c */
int xrpc_recvmsg(struct socket *sock, struct msghdr *msg, size_t len, int flags);
struct xrpc_call *xrpc_recv_wait(struct sock *sk, int flags, int *err);
void xrpc_recv_pass_on(struct sock *sk);
int xrpc_recv_take(struct sock *sk, struct xrpc_call *c, struct xrpc_got *got);
void xrpc_recv_done(struct sock *sk, struct xrpc_call *c,
		    const struct xrpc_got *got);
void xrpc_recv_undo(struct sock *sk, struct xrpc_call *c,
		    const struct xrpc_got *got);
void xrpc_call_source(const struct xrpc_call *c, struct sockaddr_xrpc *a);

/* replay.c */
bool xrpc_replay_packet(struct xrpc_endpoint *ep, struct sk_buff *skb,
			const struct xrpc_open *f, const struct xrpc_path *from,
			u64 now);
int xrpc_replay_answer(struct xrpc_call *c);
void xrpc_replay_reply(struct xrpc_session *s, const struct xrpc_seg *seg,
		       struct sk_buff *skb);

/* sendmsg.c */
int xrpc_sendmsg(struct socket *sock, struct msghdr *msg, size_t len);
struct xrpc_call *xrpc_client_prepare(struct sock *sk,
				      const struct sockaddr_xrpc *dest,
				      struct iov_iter *from, size_t len,
				      const struct xrpc_send_info *info,
				      int flags, bool waiter);
void xrpc_client_finish(struct sock *sk, struct xrpc_call *c);
int xrpc_answer(struct sock *sk, u64 handle, const struct sockaddr_xrpc *dest,
		struct iov_iter *from, size_t len, u32 status);

/* ioctl.c */
int xrpc_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg);

/* sockq.c */
bool xrpc_mem_charge(struct sock *sk, u32 size, int kind);
bool xrpc_rmem_charge(struct sock *sk, u32 size, bool force);
void xrpc_rmem_uncharge(struct sock *sk, u32 size);
bool xrpc_q_add(struct sock *sk, struct xrpc_call *c);
void xrpc_q_notice(struct sock *sk, struct xrpc_call *c);
void xrpc_q_readable(struct sock *sk);
u64 xrpc_slot_issue(struct xrpc_sock *xs, struct xrpc_call *c);
int xrpc_slot_find(struct xrpc_sock *xs, u64 handle, struct xrpc_slot **slot);
void xrpc_slot_release(struct xrpc_sock *xs, struct xrpc_slot *slot);
int xrpc_cookie_add(struct xrpc_sock *xs, struct xrpc_call *c);
struct xrpc_call *xrpc_cookie_find(struct xrpc_sock *xs, u64 cookie);
void xrpc_cookie_del(struct xrpc_sock *xs, struct xrpc_call *c);
void xrpc_wmem_uncharge(struct sock *sk, struct xrpc_call *c);
void xrpc_sock_drain(struct sock *sk);

/* session.c */
int xrpc_session_init(void);
void xrpc_session_exit(void);
int xrpc_session_init_net(struct xrpc_net *xn);
void xrpc_session_exit_net(struct xrpc_net *xn);
struct xrpc_session *xrpc_session_alloc(struct xrpc_endpoint *ep, bool server,
					gfp_t gfp);
int xrpc_session_publish(struct xrpc_session *s);
int xrpc_session_set_remote(struct xrpc_session *s, u64 id);
int xrpc_session_renew(struct xrpc_session *s);
struct xrpc_session *xrpc_session_find(struct xrpc_net *xn, u64 id);
struct xrpc_session *xrpc_session_find_remote(struct xrpc_endpoint *ep, u64 id);
struct xrpc_session *xrpc_session_client(struct sock *sk,
					 const struct sockaddr_xrpc *dest);
void xrpc_session_close(struct xrpc_session *s, struct xrpc_txq *q, int error,
			u8 outcome);
void xrpc_session_destroy(struct xrpc_session *s);
void xrpc_session_retire(struct xrpc_session *s);
void xrpc_session_put(struct xrpc_session *s);
void xrpc_session_conn(struct xrpc_sock *xs, struct xrpc_session *s,
		       const struct sockaddr_xrpc *peer);
struct xrpc_chan *xrpc_session_new_chan(struct xrpc_session *s, u16 chan);
void xrpc_session_move(struct xrpc_session *s, u64 due);

/* timer.c */
enum hrtimer_restart xrpc_timer(struct hrtimer *t);

/* token.c */
void xrpc_token_mint(struct xrpc_endpoint *ep, const struct in6_addr *addr,
		     __be16 port, u64 now, struct xrpc_token *t);
bool xrpc_token_ok(struct xrpc_endpoint *ep, const struct in6_addr *addr,
		   __be16 port, u64 now, const struct xrpc_token *t);

/* trace.c */
void xrpc_trace_call(const struct xrpc_call *c, enum xrpc_call_state to);
void xrpc_trace_chan(const struct xrpc_session *s, u16 chan,
		     const struct xrpc_chan *ch, enum xrpc_chan_state to);
void xrpc_trace_session(const struct xrpc_session *s,
			enum xrpc_session_state to);

/* udp.c */
int xrpc_udp_open(struct xrpc_endpoint *ep, u8 family);
void xrpc_udp_close(struct xrpc_endpoint *ep);
void xrpc_udp_bind_dev(struct xrpc_endpoint *ep, int ifindex);
void xrpc_udp_pin(struct xrpc_endpoint *ep, const struct sockaddr_xrpc *peer);
void xrpc_udp_unpin(struct xrpc_endpoint *ep, const struct sockaddr_xrpc *other,
		    const struct in6_addr *laddr);
void xrpc_udp_near(struct xrpc_session *s);

/* vmfork.c */
int xrpc_vmfork_init(void);
void xrpc_vmfork_exit(void);
void xrpc_vmfork_add_net(struct xrpc_net *xn);
void xrpc_vmfork_del_net(struct xrpc_net *xn);

#include "inline.h"

#endif /* XRPC_INTERNAL_H */
