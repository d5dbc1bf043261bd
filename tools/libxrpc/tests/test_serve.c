// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* The server's loop: an answer is given once, and no request is missed. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../internal.h"

static void taken_answer_is_not_given_again(void **state)
{
	(void)state;
	assert_int_equal(xrpc_serve_step(EINTR, true, XRPC_SERVE_ANSWERED), SERVE_STEP_NEXT);
	assert_int_equal(xrpc_serve_step(EAGAIN, true, XRPC_SERVE_ANSWERED),
			 SERVE_STEP_POLL_NEXT);
}

static void answer_not_taken_is_given_again(void **state)
{
	(void)state;
	assert_int_equal(xrpc_serve_step(EINTR, true, 0), SERVE_STEP_AGAIN);
	assert_int_equal(xrpc_serve_step(EAGAIN, true, 0), SERVE_STEP_POLL);
}

static void answer_to_a_call_that_is_gone_is_dropped(void **state)
{
	(void)state;
	assert_int_equal(xrpc_serve_step(ECANCELED, true, 0), SERVE_STEP_NEXT);
	assert_int_equal(xrpc_serve_step(ETIMEDOUT, true, 0), SERVE_STEP_NEXT);
	assert_int_equal(xrpc_serve_step(EALREADY, true, 0), SERVE_STEP_NEXT);
}

static void interrupted_wait_goes_on(void **state)
{
	(void)state;
	assert_int_equal(xrpc_serve_step(EINTR, false, 0), SERVE_STEP_NEXT);
	assert_int_equal(xrpc_serve_step(EAGAIN, false, 0), SERVE_STEP_POLL_NEXT);
}

static void drained_server_ends(void **state)
{
	(void)state;
	assert_int_equal(xrpc_serve_step(ESHUTDOWN, false, 0), SERVE_STEP_END);
	assert_int_equal(xrpc_serve_step(ESHUTDOWN, true, XRPC_SERVE_ANSWERED), SERVE_STEP_END);
}

static void other_errors_are_told(void **state)
{
	(void)state;
	assert_int_equal(xrpc_serve_step(ENOMEM, true, 0), SERVE_STEP_FAIL);
	assert_int_equal(xrpc_serve_step(ENOMEM, false, 0), SERVE_STEP_FAIL);
	assert_int_equal(xrpc_serve_step(ECANCELED, false, 0), SERVE_STEP_FAIL);
	assert_int_equal(xrpc_serve_step(ECANCELED, true, XRPC_SERVE_ANSWERED), SERVE_STEP_FAIL);
	assert_int_equal(xrpc_serve_step(EBADF, true, 0), SERVE_STEP_FAIL);
}

static void request_is_read_from_the_system_call(void **state)
{
	struct xrpc_serve_args args = {
		.req_len = 6,
		.method = 7,
		.deadline = 8,
	};
	struct xrpc_request req = { .peer.sxr_family = AF_XRPC };
	char buf[6];

	(void)state;
	assert_int_equal(xrpc_request_fill(&req, buf, sizeof(buf), &args), 0);
	assert_ptr_equal(req.data, buf);
	assert_int_equal(req.len, 6);
	assert_int_equal(req.length, 6);
	assert_int_equal(req.method, 7);
	assert_int_equal(req.deadline_us, 8);
	assert_int_equal(req.flags, 0);
}

static void cut_request_claims_no_more_than_its_room(void **state)
{
	struct xrpc_serve_args args = {
		.req_len = 65536,
		.flags = XRPC_SERVE_TRUNC,
	};
	struct xrpc_request req = { .peer.sxr_family = AF_XRPC };
	char buf[6];

	(void)state;
	assert_int_equal(xrpc_request_fill(&req, buf, sizeof(buf), &args), 0);
	assert_int_equal(req.len, 6);
	assert_int_equal(req.length, 65536);
	assert_int_equal(req.flags, XRPC_REQUEST_TRUNCATED);
}

static void oneway_request_without_handle_is_a_request(void **state)
{
	struct xrpc_serve_args args = { .call = 0 };
	struct xrpc_request req = { .peer.sxr_family = AF_XRPC };
	char buf[6];

	(void)state;
	assert_int_equal(xrpc_request_fill(&req, buf, sizeof(buf), &args), 0);
	assert_int_equal(req.len, 0);
}

static void no_request_means_drained(void **state)
{
	struct xrpc_serve_args args = { .call = 0 };
	struct xrpc_request req = { .len = 0 };
	char buf[6];

	(void)state;
	assert_int_equal(xrpc_request_fill(&req, buf, sizeof(buf), &args), -1);
	assert_int_equal(errno, ESHUTDOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(taken_answer_is_not_given_again),
		cmocka_unit_test(answer_not_taken_is_given_again),
		cmocka_unit_test(answer_to_a_call_that_is_gone_is_dropped),
		cmocka_unit_test(interrupted_wait_goes_on),
		cmocka_unit_test(drained_server_ends),
		cmocka_unit_test(other_errors_are_told),
		cmocka_unit_test(request_is_read_from_the_system_call),
		cmocka_unit_test(cut_request_claims_no_more_than_its_room),
		cmocka_unit_test(oneway_request_without_handle_is_a_request),
		cmocka_unit_test(no_request_means_drained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
