// SPDX-License-Identifier: GPL-2.0-only
/* What each network namespace has: tables, counters, sysctls. */
#include <net/netns/generic.h>

#include "internal.h"

static unsigned int net_id;

static unsigned int sessions_max = 1U << 20;
static unsigned int bytes_min = 1U << 16;
static unsigned int bytes_max = 1U << 31;
static unsigned int linger_max = 3600 * 1000;

#define FIELD(f)	((void *)offsetof(struct xrpc_net, sysctl_##f))

#define UINT(name, field, min, max) {					\
	.procname	= name,						\
	.data		= FIELD(field),					\
	.maxlen		= sizeof(unsigned int),				\
	.mode		= 0644,						\
	.proc_handler	= proc_douintvec_minmax,			\
	.extra1		= min,						\
	.extra2		= max,						\
}

/* @data is an offset here, and made the namespace's own when registered. */
static const struct ctl_table sysctls[] = {
	UINT("max_sessions", max_sessions, SYSCTL_ONE, &sessions_max),
	UINT("max_sessions_client", max_sessions_client, SYSCTL_ONE,
	     &sessions_max),
	UINT("max_sessions_prefix", max_sessions_prefix, SYSCTL_ONE,
	     &sessions_max),
	UINT("kept_max_bytes", kept_max, &bytes_min, &bytes_max),
	UINT("kept_session_max_bytes", kept_session_max, &bytes_min,
	     &bytes_max),
	UINT("linger_ms", linger_ms, SYSCTL_ZERO, &linger_max),
	UINT("max_tokenless", max_tokenless, SYSCTL_ZERO, &sessions_max),
	UINT("trust_horizon", trust_horizon, SYSCTL_ZERO, SYSCTL_ONE),
	/* last: all namespaces share it, and only the first one has it */
	{
		.procname	= "mem",
		.maxlen		= sizeof(xrpc_sysctl_mem),
		.mode		= 0644,
		.proc_handler	= proc_doulongvec_minmax,
	},
};

static int register_sysctls(struct xrpc_net *xn)
{
	const size_t own = ARRAY_SIZE(sysctls) - 1;
	const size_t n = own + net_eq(xn->net, &init_net);
	struct ctl_table *t;
	size_t i;

	/* one entry more: the end mark of kernels that want one */
	t = kcalloc(n + 1, sizeof(*t), GFP_KERNEL);
	if (!t)
		return -ENOMEM;
	memcpy(t, sysctls, n * sizeof(*t));
	for (i = 0; i < own; i++)
		t[i].data = (char *)xn + (unsigned long)t[i].data;
	if (n > own)
		t[own].data = xrpc_sysctl_mem;
	xn->sysctl_header = xrpc_register_sysctl(xn->net, "net/xrpc", t, n);
	if (!xn->sysctl_header) {
		kfree(t);
		return -ENOMEM;
	}
	xn->sysctl_table = t;
	return 0;
}

/**
 * xrpc_net() - what XRPC has of a namespace
 * @net: namespace
 */
struct xrpc_net *xrpc_net(const struct net *net)
{
	return net_generic(net, net_id);
}

static int __net_init init_net_ns(struct net *net)
{
	struct xrpc_net *xn = xrpc_net(net);
	unsigned int i;
	int err;

	xn->net = net;
	mutex_init(&xn->ep_mutex);
	for (i = 0; i < XRPC_EP_BUCKETS; i++)
		INIT_HLIST_HEAD(&xn->endpoints[i]);
	xn->sysctl_max_sessions = 65536;
	xn->sysctl_max_sessions_client = 1024;
	xn->sysctl_max_sessions_prefix = 16384;
	xn->sysctl_kept_max = 256U << 20;
	xn->sysctl_kept_session_max = 8U << 20;
	xn->sysctl_linger_ms = 60 * 1000;
	xn->sysctl_max_tokenless = 1024;
	xn->sysctl_trust_horizon = 1;

	xrpc_link_init_net(xn);
	err = xrpc_mib_init_net(xn);
	if (err)
		return err;
	err = xrpc_session_init_net(xn);
	if (err)
		goto free_mib;
	err = xrpc_limit_init_net(xn);
	if (err)
		goto free_sessions;
	err = xrpc_peer_init_net(xn);
	if (err)
		goto free_limits;
	err = register_sysctls(xn);
	if (err)
		goto free_peers;
	xrpc_vmfork_add_net(xn);
	return 0;

free_peers:
	xrpc_peer_exit_net(xn);
free_limits:
	xrpc_limit_exit_net(xn);
free_sessions:
	xrpc_session_exit_net(xn);
free_mib:
	xrpc_mib_exit_net(xn);
	return err;
}

static void __net_exit pre_exit_net_ns(struct net *net)
{
	xrpc_vmfork_del_net(xrpc_net(net));
	xrpc_endpoint_exit_net(xrpc_net(net));
}

static void __net_exit exit_net_ns(struct net *net)
{
	struct xrpc_net *xn = xrpc_net(net);

	unregister_net_sysctl_table(xn->sysctl_header);
	kfree(xn->sysctl_table);
	xrpc_peer_exit_net(xn);
	xrpc_limit_exit_net(xn);
	xrpc_session_exit_net(xn);
	xrpc_mib_exit_net(xn);
	xrpc_link_exit_net(xn);
}

static struct pernet_operations net_ops = {
	.init		= init_net_ns,
	.pre_exit	= pre_exit_net_ns,
	.exit		= exit_net_ns,
	.id		= &net_id,
	.size		= sizeof(struct xrpc_net),
};

int __init xrpc_net_init(void)
{
	return register_pernet_subsys(&net_ops);
}

void xrpc_net_exit(void)
{
	unregister_pernet_subsys(&net_ops);
}
