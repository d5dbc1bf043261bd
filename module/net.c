// SPDX-License-Identifier: GPL-2.0-only
/* What each network namespace has: tables, counters, sysctls. */
#include <net/netns/generic.h>

#include "internal.h"

static unsigned int net_id;

static unsigned int sessions_max = 1U << 20;
static unsigned int bytes_min = 1U << 16;
static unsigned int bytes_max = 1U << 31;
static unsigned int linger_max = 3600 * 1000;

/* @data is made the namespace's own by register_sysctls(). */
static const struct ctl_table sysctls[] = {
	{
		.procname	= "max_sessions",
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= proc_douintvec_minmax,
		.extra1		= SYSCTL_ONE,
		.extra2		= &sessions_max,
	}, {
		.procname	= "kept_max_bytes",
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= proc_douintvec_minmax,
		.extra1		= &bytes_min,
		.extra2		= &bytes_max,
	}, {
		.procname	= "kept_session_max_bytes",
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= proc_douintvec_minmax,
		.extra1		= &bytes_min,
		.extra2		= &bytes_max,
	}, {
		.procname	= "linger_ms",
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= proc_douintvec_minmax,
		.extra1		= SYSCTL_ZERO,
		.extra2		= &linger_max,
	},
};

static int register_sysctls(struct xrpc_net *xn)
{
	const size_t n = ARRAY_SIZE(sysctls);
	struct ctl_table *t;

	/* one entry more: the end mark of kernels that want one */
	t = kcalloc(n + 1, sizeof(*t), GFP_KERNEL);
	if (!t)
		return -ENOMEM;
	memcpy(t, sysctls, sizeof(sysctls));
	t[0].data = &xn->sysctl_max_sessions;
	t[1].data = &xn->sysctl_kept_max;
	t[2].data = &xn->sysctl_kept_session_max;
	t[3].data = &xn->sysctl_linger_ms;
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
	xn->sysctl_kept_max = 256U << 20;
	xn->sysctl_kept_session_max = 8U << 20;
	xn->sysctl_linger_ms = 60 * 1000;

	err = xrpc_mib_init_net(xn);
	if (err)
		return err;
	err = xrpc_session_init_net(xn);
	if (err)
		goto free_mib;
	err = xrpc_peer_init_net(xn);
	if (err)
		goto free_sessions;
	err = register_sysctls(xn);
	if (err)
		goto free_peers;
	return 0;

free_peers:
	xrpc_peer_exit_net(xn);
free_sessions:
	xrpc_session_exit_net(xn);
free_mib:
	xrpc_mib_exit_net(xn);
	return err;
}

static void __net_exit pre_exit_net_ns(struct net *net)
{
	xrpc_endpoint_exit_net(xrpc_net(net));
}

static void __net_exit exit_net_ns(struct net *net)
{
	struct xrpc_net *xn = xrpc_net(net);

	unregister_net_sysctl_table(xn->sysctl_header);
	kfree(xn->sysctl_table);
	xrpc_peer_exit_net(xn);
	xrpc_session_exit_net(xn);
	xrpc_mib_exit_net(xn);
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
