/* SPDX-License-Identifier: GPL-2.0-only */
/* Tracepoints: states of calls, packets in and out, every drop. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM xrpc

#if !defined(XRPC_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define XRPC_TRACE_H

#include <linux/tracepoint.h>

#define xrpc_show_state(s)						\
	__print_symbolic(s,						\
			 { XRPC_CALL_IDLE,	"IDLE" },		\
			 { XRPC_CALL_PENDING,	"PENDING" },		\
			 { XRPC_CALL_SENDING,	"SENDING" },		\
			 { XRPC_CALL_WAITING,	"WAITING" },		\
			 { XRPC_CALL_RECEIVING,	"RECEIVING" },		\
			 { XRPC_CALL_CANCELING,	"CANCELING" },		\
			 { XRPC_CALL_DONE,	"DONE" },		\
			 { XRPC_CALL_ARRIVING,	"ARRIVING" },		\
			 { XRPC_CALL_QUEUED,	"QUEUED" },		\
			 { XRPC_CALL_REPLIED,	"REPLIED" },		\
			 { XRPC_CALL_ACKED,	"ACKED" },		\
			 { XRPC_CALL_GONE,	"GONE" })

TRACE_EVENT(xrpc_call,
	TP_PROTO(u64 session, u16 chan, u32 seq, u8 from, u8 to),
	TP_ARGS(session, chan, seq, from, to),
	TP_STRUCT__entry(
		__field(u64, session)
		__field(u32, seq)
		__field(u16, chan)
		__field(u8, from)
		__field(u8, to)
	),
	TP_fast_assign(
		__entry->session = session;
		__entry->seq = seq;
		__entry->chan = chan;
		__entry->from = from;
		__entry->to = to;
	),
	TP_printk("session=%016llx chan=%u seq=%u %s -> %s", __entry->session,
		  __entry->chan, __entry->seq, xrpc_show_state(__entry->from),
		  xrpc_show_state(__entry->to))
);

#define xrpc_show_chan(s)						\
	__print_symbolic(s,						\
			 { XRPC_CHAN_IDLE,	"IDLE" },		\
			 { XRPC_CHAN_ACTIVE,	"ACTIVE" },		\
			 { XRPC_CHAN_CANCELING,	"CANCELING" },		\
			 { XRPC_CHAN_VERDICT,	"VERDICT" })

TRACE_EVENT(xrpc_chan,
	TP_PROTO(u64 session, bool server, u16 chan, u32 seq, u8 from, u8 to),
	TP_ARGS(session, server, chan, seq, from, to),
	TP_STRUCT__entry(
		__field(u64, session)
		__field(u32, seq)
		__field(u16, chan)
		__field(bool, server)
		__field(u8, from)
		__field(u8, to)
	),
	TP_fast_assign(
		__entry->session = session;
		__entry->seq = seq;
		__entry->chan = chan;
		__entry->server = server;
		__entry->from = from;
		__entry->to = to;
	),
	TP_printk("%s session=%016llx chan=%u seq=%u %s -> %s",
		  __entry->server ? "server" : "client", __entry->session,
		  __entry->chan, __entry->seq, xrpc_show_chan(__entry->from),
		  xrpc_show_chan(__entry->to))
);

#define xrpc_show_session(s)						\
	__print_symbolic(s,						\
			 { XRPC_SESS_NEW,	"NEW" },		\
			 { XRPC_SESS_TOKEN,	"TOKEN" },		\
			 { XRPC_SESS_OPENING,	"OPENING" },		\
			 { XRPC_SESS_OPEN,	"OPEN" },		\
			 { XRPC_SESS_REOPENING,	"REOPENING" },		\
			 { XRPC_SESS_CLOSED,	"CLOSED" },		\
			 { XRPC_SESS_DEAD,	"DEAD" })

TRACE_EVENT(xrpc_session,
	TP_PROTO(u64 session, bool server, u8 from, u8 to),
	TP_ARGS(session, server, from, to),
	TP_STRUCT__entry(
		__field(u64, session)
		__field(bool, server)
		__field(u8, from)
		__field(u8, to)
	),
	TP_fast_assign(
		__entry->session = session;
		__entry->server = server;
		__entry->from = from;
		__entry->to = to;
	),
	TP_printk("%s session=%016llx %s -> %s",
		  __entry->server ? "server" : "client", __entry->session,
		  xrpc_show_session(__entry->from),
		  xrpc_show_session(__entry->to))
);

DECLARE_EVENT_CLASS(xrpc_packet,
	TP_PROTO(u64 session, u64 pn, u32 len),
	TP_ARGS(session, pn, len),
	TP_STRUCT__entry(
		__field(u64, session)
		__field(u64, pn)
		__field(u32, len)
	),
	TP_fast_assign(
		__entry->session = session;
		__entry->pn = pn;
		__entry->len = len;
	),
	TP_printk("session=%016llx pn=%llu len=%u", __entry->session,
		  __entry->pn, __entry->len)
);

DEFINE_EVENT(xrpc_packet, xrpc_rx,
	TP_PROTO(u64 session, u64 pn, u32 len),
	TP_ARGS(session, pn, len)
);

DEFINE_EVENT(xrpc_packet, xrpc_tx,
	TP_PROTO(u64 session, u64 pn, u32 len),
	TP_ARGS(session, pn, len)
);

TRACE_EVENT(xrpc_drop,
	TP_PROTO(const struct sk_buff *skb, int reason),
	TP_ARGS(skb, reason),
	TP_STRUCT__entry(
		__field(const void *, skb)
		__field(u32, len)
		__field(int, reason)
	),
	TP_fast_assign(
		__entry->skb = skb;
		__entry->len = skb ? skb->len : 0;
		__entry->reason = reason;
	),
	TP_printk("skb=%p len=%u reason=%s", __entry->skb, __entry->len,
		  __print_symbolic(__entry->reason,
				   { XRPC_MIB_NoSession,	"NoSession" },
				   { XRPC_MIB_DropIcmp,		"DropIcmp" },
				   { XRPC_MIB_DropChecksum,	"DropChecksum" },
				   { XRPC_MIB_DropVersion,	"DropVersion" },
				   { XRPC_MIB_DropMalformed,	"DropMalformed" },
				   { XRPC_MIB_DropState,	"DropState" },
				   { XRPC_MIB_DropLimit,	"DropLimit" },
				   { XRPC_MIB_DropNoMem,	"DropNoMem" },
				   { XRPC_MIB_DropUnproven,	"DropUnproven" },
				   { XRPC_MIB_DropWindow,	"DropWindow" },
				   { XRPC_MIB_DropRoute,	"DropRoute" }))
);

/* A packet, or what would have been one, is dropped: count it, and say so. */
#define XRPC_DROP(xn, skb, why) do {					\
	XRPC_INC(xn, why);						\
	trace_xrpc_drop(skb, XRPC_MIB_##why);				\
} while (0)

#endif /* XRPC_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
