/* SPDX-License-Identifier: GPL-2.0 */
/* As much of io_uring as one operation at a time needs. */
#ifndef XRPC_URING_H
#define XRPC_URING_H

#include <linux/io_uring.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "tap.h"

struct uring {
	int fd;
	struct io_uring_params p;
	char *sq, *cq;
	struct io_uring_sqe *sqes;
};

static inline bool uring_open(struct uring *u)
{
	memset(u, 0, sizeof(*u));
	u->fd = syscall(__NR_io_uring_setup, 4, &u->p);
	if (u->fd < 0)
		return false;
	u->sq = mmap(NULL, u->p.sq_off.array + 4 * u->p.sq_entries,
		     PROT_READ | PROT_WRITE, MAP_SHARED, u->fd,
		     IORING_OFF_SQ_RING);
	u->cq = mmap(NULL, u->p.cq_off.cqes +
		     u->p.cq_entries * sizeof(struct io_uring_cqe),
		     PROT_READ | PROT_WRITE, MAP_SHARED, u->fd,
		     IORING_OFF_CQ_RING);
	u->sqes = mmap(NULL, u->p.sq_entries * sizeof(*u->sqes),
		       PROT_READ | PROT_WRITE, MAP_SHARED, u->fd,
		       IORING_OFF_SQES);
	return u->sq != MAP_FAILED && u->cq != MAP_FAILED &&
	       (void *)u->sqes != MAP_FAILED;
}

/* Begin an operation. */
static inline void uring_start(struct uring *u, int op, int fd,
			       const void *addr, unsigned int len,
			       unsigned int flags)
{
	unsigned int *tail = (void *)(u->sq + u->p.sq_off.tail);
	unsigned int *array = (void *)(u->sq + u->p.sq_off.array);
	unsigned int i = *tail & (u->p.sq_entries - 1);
	struct io_uring_sqe *e = &u->sqes[i];

	memset(e, 0, sizeof(*e));
	e->opcode = op;
	e->fd = fd;
	e->addr = (uintptr_t)addr;
	e->len = len;
	e->msg_flags = flags;	/* in one union with the events of a poll */
	array[i] = i;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	syscall(__NR_io_uring_enter, u->fd, 1, 0, 0, NULL, 0);
}

/* Wait for the end of one: what it would return, or -errno. */
static inline int uring_end(struct uring *u)
{
	unsigned int *head = (void *)(u->cq + u->p.cq_off.head);
	unsigned int *tail = (void *)(u->cq + u->p.cq_off.tail);
	struct io_uring_cqe *cqes = (void *)(u->cq + u->p.cq_off.cqes);
	int res;

	while (*head == __atomic_load_n(tail, __ATOMIC_ACQUIRE))
		syscall(__NR_io_uring_enter, u->fd, 0, 1,
			IORING_ENTER_GETEVENTS, NULL, 0);
	res = cqes[*head & (u->p.cq_entries - 1)].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return res;
}

static inline bool uring_ended(const struct uring *u)
{
	return *(unsigned int *)(u->cq + u->p.cq_off.head) !=
	       __atomic_load_n((unsigned int *)(u->cq + u->p.cq_off.tail),
			       __ATOMIC_ACQUIRE);
}

/* The same as a system call would do it. */
static inline int uring_do(struct uring *u, int op, int fd, const void *addr,
			   unsigned int len, unsigned int flags)
{
	int res;

	uring_start(u, op, fd, addr, len, flags);
	res = uring_end(u);
	if (res >= 0)
		return res;
	errno = -res;
	return -1;
}

#endif /* XRPC_URING_H */
