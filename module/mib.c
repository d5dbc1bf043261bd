// SPDX-License-Identifier: GPL-2.0-only
/* The counters of a namespace: /proc/net/xrpc/stats. */
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/seq_file_net.h>

#include "internal.h"

static const char * const names[] = {
#define X(n) #n,
	XRPC_MIBS(X)
#undef X
};

/* Pages charged to all sockets: processors keep a part of the sum to themselves. */
static long mem_pages(void)
{
	long n = atomic_long_read(xrpc_proto.memory_allocated);
	int cpu;

	for_each_possible_cpu(cpu)
		n += *per_cpu_ptr(xrpc_proto.per_cpu_fw_alloc, cpu);
	return n;
}

static int show(struct seq_file *seq, void *v)
{
	struct xrpc_net *xn = xrpc_net(seq_file_single_net(seq));
	unsigned int i;
	int cpu;

	for (i = 0; i < XRPC_MIB_MAX; i++) {
		unsigned long sum = 0;

		for_each_possible_cpu(cpu)
			sum += per_cpu_ptr(xn->mib, cpu)->v[i];
		seq_printf(seq, "%-24s %lu\n", names[i], sum);
	}
	seq_printf(seq, "%-24s %d\n", "Sessions", atomic_read(&xn->nsessions));
	seq_printf(seq, "%-24s %ld\n", "KeptBytes",
		   atomic_long_read(&xn->kept));
	seq_printf(seq, "%-24s %u\n", "Peers", READ_ONCE(xn->npeers));
	seq_printf(seq, "%-24s %ld\n", "MemPages", mem_pages());
	return 0;
}

int xrpc_mib_init_net(struct xrpc_net *xn)
{
	struct proc_dir_entry *dir;

	xn->mib = alloc_percpu(struct xrpc_mib);
	if (!xn->mib)
		return -ENOMEM;
	dir = proc_net_mkdir(xn->net, "xrpc", xn->net->proc_net);
	if (!dir)
		goto free;
	if (!proc_create_net_single("stats", 0444, dir, show, NULL))
		goto remove;
	return 0;
remove:
	remove_proc_subtree("xrpc", xn->net->proc_net);
free:
	free_percpu(xn->mib);
	return -ENOMEM;
}

void xrpc_mib_exit_net(struct xrpc_net *xn)
{
	remove_proc_subtree("xrpc", xn->net->proc_net);
	free_percpu(xn->mib);
}
