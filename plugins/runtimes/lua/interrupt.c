/* SPDX-License-Identifier: Apache-2.0
 * Ends running Lua code from another thread, a deadline or os.exit. No hook is installed while code
 * runs freely. interrupt_request sends SIGURG (ignored by default, used by nobody else here) to the
 * executor; the handler calls lua_sethook on the running coroutine, as lua.c does on SIGINT. The
 * hook then raises at every event until the outermost call is left, so no pcall can go on. The
 * handler is installed without SA_RESTART: blocking system calls end with EINTR; a timer repeats
 * the signal every 20 ms for calls that were just about to block.
 * When requests of other shells wait, the same way leads to nest_serve, by a signal that lets
 * system calls go on.
 * Lua may lose a hook: after one was taken away its interpreter clears a flag of the running
 * function, and a hook that a signal sets between the look at the mask and the clearing is cleared
 * with it. So no signal is the only one: those that repeat set the hook anew. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "state.h"
#include "trace.h"

#define INTERRUPT_SIGNAL SIGURG
#define ATTEND_SIGNAL (SIGRTMIN + 5) /* with SA_RESTART: it ends no system call */
#define REPEAT_NS 20000000

/* The request that runs on this thread, for the handler. initial-exec: reading it never allocates.
 */
static __thread struct runtime *mine __attribute__((tls_model("initial-exec")));

static const char STOPPED = 0; /* its address is the error object of a stop */

/* The collector rests until the request ends: one step of it goes through a whole table, however
 * large. -1, so no, inside of a finalizer. */
static void rest_collector(lua_State *L)
{
    if (lua_gc(L, LUA_GCISRUNNING) != 1)
        return;
    lua_gc(L, LUA_GCSTOP);
    runtime_of(L)->interrupt.collector_rests = 1;
}

int interrupt_raise(lua_State *L)
{
    rest_collector(L);
    lua_pushlightuserdata(L, (void *)(uintptr_t)&STOPPED);
    return lua_error(L);
}

/* An error that was raised outside of a hook runs the message handler with hooks on. */
static int is_handler(lua_State *L, lua_Debug *activation)
{
    lua_getinfo(L, "f", activation);
    int is = lua_tocfunction(L, -1) == report_handler;
    lua_pop(L, 1);
    return is;
}

/* Gives the coroutine the hook back that the script had set. */
static void disarm(struct interrupt *interrupt, lua_State *L)
{
    struct script_hook script = interrupt->script_hook;
    interrupt->script_hook.L = NULL; /* first: the signal may come and keep it anew */
    if (script.L == L)
        lua_sethook(L, script.function, script.mask, script.count);
    else
        lua_sethook(L, NULL, 0, 0);
}

/* Once more after a while; serving ends it. */
static void attend_again(struct interrupt *interrupt)
{
    if (!interrupt->has_attend_timer || interrupt->attends_again)
        return;
    interrupt->attends_again = 1;
    struct itimerspec once = {{0, 0}, {0, REPEAT_NS}};
    timer_settime(interrupt->attend_timer, 0, &once, NULL);
}

static void attend_no_more(struct interrupt *interrupt)
{
    struct itimerspec off = {{0, 0}, {0, 0}};
    if (interrupt->attends_again)
        timer_settime(interrupt->attend_timer, 0, &off, NULL);
    interrupt->attends_again = 0;
}

static void on_hook(lua_State *L, lua_Debug *activation)
{
    struct runtime *rt = runtime_of(L);
    if (interrupt_pending(rt) == STOP_NONE) {
        disarm(&rt->interrupt, L); /* it may be left over from a stop that is done */
        if (TRACE_IS_ON(rt) && trace_is_busy(rt))
            return; /* what waits is served when the code goes on */
        if (atomic_exchange(&rt->interrupt.attend, 0)) {
            attend_no_more(&rt->interrupt);
            nest_serve(rt);
        }
        if (TRACE_IS_ON(rt))
            trace_attend(rt, L, activation);
        if (interrupt_pending(rt) == STOP_NONE)
            return;
    }
    if (!is_handler(L, activation))
        interrupt_raise(L);
}

#define HOOK_MASK (LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT)

static void arm(lua_State *L)
{
    if (lua_gethook(L) != on_hook || lua_gethookmask(L) != HOOK_MASK || lua_gethookcount(L) != 1)
        lua_sethook(L, on_hook, HOOK_MASK, 1);
}

/* lua_sethook goes through all frames. In a recursion of 200,000 that can take as long as the time
 * between two signals: if each did it anew, the code would never get on to the hook. So only the
 * 1st, 2nd, 4th, 8th … does. */
static void arm_to_stop(struct interrupt *interrupt, lua_State *L)
{
    unsigned count = ++interrupt->stop_signals;
    if ((count & (count - 1)) == 0)
        lua_sethook(L, on_hook, HOOK_MASK, 1);
    else
        arm(L);
}

/* As arm, but the script goes on afterwards, and so does a hook of its own. */
static void arm_to_attend(struct interrupt *interrupt, lua_State *L)
{
    lua_Hook function = lua_gethook(L);
    if (function != on_hook) {
        interrupt->script_hook.function = function;
        interrupt->script_hook.mask = lua_gethookmask(L);
        interrupt->script_hook.count = lua_gethookcount(L);
        interrupt->script_hook.L = function ? L : NULL;
    }
    arm(L);
}

static int is_late(const struct timespec *deadline)
{
    struct timespec now;
    if (deadline->tv_sec == 0 || clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        return 0;
    return now.tv_sec > deadline->tv_sec ||
           (now.tv_sec == deadline->tv_sec && now.tv_nsec >= deadline->tv_nsec);
}

static void repeat(struct interrupt *interrupt)
{
    if (interrupt->repeating || !interrupt->has_timer)
        return;
    interrupt->repeating = 1;
    struct itimerspec every = {{0, REPEAT_NS}, {0, REPEAT_NS}};
    timer_settime(interrupt->timer, 0, &every, NULL);
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    struct runtime *rt = mine;
    if (!rt)
        return;
    int saved = errno;
    int none = STOP_NONE;
    if (is_late(&rt->interrupt.deadline))
        atomic_compare_exchange_strong(&rt->interrupt.stop, &none, STOP_TIMEOUT);
    if (atomic_load(&rt->interrupt.stop) != STOP_NONE) {
        repeat(&rt->interrupt);
        if (rt->interrupt.current)
            arm_to_stop(&rt->interrupt, rt->interrupt.current);
    } else if (atomic_load(&rt->interrupt.attend) && rt->interrupt.current) {
        arm_to_attend(&rt->interrupt, rt->interrupt.current);
        if (info->si_code == SI_TIMER)
            lua_sethook(rt->interrupt.current, on_hook, HOOK_MASK, 1);
        else
            attend_again(&rt->interrupt);
    }
    errno = saved;
}

int32_t interrupt_open(struct runtime *rt, struct llmspell_call *call)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_signal;
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_SIGINFO;
    int failed = sigaction(INTERRUPT_SIGNAL, &action, NULL);
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    if (failed || sigaction(ATTEND_SIGNAL, &action, NULL) != 0)
        return llmspell_fail(call, LLMSPELL_EIO, "cannot install the interrupt handler: %s",
                             strerror(errno));
    pthread_mutex_init(&rt->interrupt.lock, NULL);
    return 0;
}

static void drop_timers(struct interrupt *interrupt)
{
    if (interrupt->has_timer)
        timer_delete(interrupt->timer);
    if (interrupt->has_attend_timer)
        timer_delete(interrupt->attend_timer);
    interrupt->has_timer = interrupt->has_attend_timer = 0;
    interrupt->attends_again = 0;
}

void interrupt_close(struct runtime *rt)
{
    drop_timers(&rt->interrupt);
    pthread_mutex_destroy(&rt->interrupt.lock);
}

static int make_timer(int signal, timer_t *ret_timer)
{
    struct sigevent event;
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = signal;
    event._sigev_un._tid = gettid();
    return timer_create(CLOCK_MONOTONIC, &event, ret_timer) == 0;
}

/* Signals and the timers belong to a thread: the first request, or one on another thread than
 * before, sets them up. */
static void adopt_thread(struct interrupt *interrupt)
{
    if (interrupt->has_thread && pthread_equal(interrupt->thread, pthread_self()))
        return;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, INTERRUPT_SIGNAL);
    sigaddset(&set, ATTEND_SIGNAL);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    drop_timers(interrupt);
    interrupt->has_timer = make_timer(INTERRUPT_SIGNAL, &interrupt->timer);
    interrupt->has_attend_timer = make_timer(ATTEND_SIGNAL, &interrupt->attend_timer);
    interrupt->thread = pthread_self();
    interrupt->has_thread = 1;
}

static void set_deadline(struct interrupt *interrupt, double seconds)
{
    interrupt->deadline = (struct timespec){0, 0};
    if (seconds <= 0 || !interrupt->has_timer)
        return;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    time_t whole = (time_t)seconds;
    long nanoseconds = now.tv_nsec + (long)((seconds - (double)whole) * 1e9);
    interrupt->deadline.tv_sec = now.tv_sec + whole + nanoseconds / 1000000000;
    interrupt->deadline.tv_nsec = nanoseconds % 1000000000;
    struct itimerspec timer = {{0, REPEAT_NS}, interrupt->deadline};
    interrupt->repeating = 1;
    timer_settime(interrupt->timer, TIMER_ABSTIME, &timer, NULL);
}

void interrupt_begin(struct runtime *rt)
{
    struct interrupt *interrupt = &rt->interrupt;
    pthread_mutex_lock(&interrupt->lock);
    adopt_thread(interrupt);
    atomic_store(&interrupt->stop, STOP_NONE);
    interrupt->current = rt->L;
    interrupt->stop_signals = 0;
    mine = rt;
    set_deadline(interrupt, rt->timeout_s);
    interrupt->running = 1;
    pthread_mutex_unlock(&interrupt->lock);
    if (TRACE_IS_ON(rt))
        trace_switch(rt, rt->L);
    interrupt_pending(rt); /* an interrupt that came before this could be reached */
    if (atomic_load(&interrupt->attend))
        arm_to_attend(interrupt, rt->L);
}

static void stop_timer(struct interrupt *interrupt)
{
    struct itimerspec off = {{0, 0}, {0, 0}};
    interrupt->deadline = (struct timespec){0, 0};
    if (interrupt->repeating)
        timer_settime(interrupt->timer, 0, &off, NULL);
    interrupt->repeating = 0;
}

void interrupt_end(struct runtime *rt)
{
    struct interrupt *interrupt = &rt->interrupt;
    pthread_mutex_lock(&interrupt->lock);
    interrupt->running = 0;
    atomic_store(&interrupt->stop, STOP_NONE);
    mine = NULL; /* from here on the handler does nothing, so it starts no timer either */
    atomic_signal_fence(memory_order_seq_cst);
    interrupt->current = NULL;
    interrupt->script_hook.L = NULL;
    stop_timer(interrupt);
    attend_no_more(interrupt);
    pthread_mutex_unlock(&interrupt->lock);
    if (rt->L && lua_gethook(rt->L) == on_hook)
        lua_sethook(rt->L, NULL, 0, 0);
    if (rt->L && TRACE_IS_ON(rt))
        trace_ends(rt);
    if (rt->L && interrupt->collector_rests)
        lua_gc(rt->L, LUA_GCRESTART);
    interrupt->collector_rests = 0;
}

void interrupt_request(struct runtime *rt)
{
    struct interrupt *interrupt = &rt->interrupt;
    pthread_mutex_lock(&interrupt->lock);
    if (interrupt->running) {
        int none = STOP_NONE;
        atomic_compare_exchange_strong(&interrupt->stop, &none, STOP_INTERRUPT);
        pthread_kill(interrupt->thread, INTERRUPT_SIGNAL);
    }
    pthread_mutex_unlock(&interrupt->lock);
}

void interrupt_attend(struct runtime *rt)
{
    struct interrupt *interrupt = &rt->interrupt;
    pthread_mutex_lock(&interrupt->lock);
    atomic_store(&interrupt->attend, 1);
    if (interrupt->running)
        pthread_kill(interrupt->thread, ATTEND_SIGNAL);
    pthread_mutex_unlock(&interrupt->lock);
}

void interrupt_suspend(struct runtime *rt, struct interrupt_rest *ret_rest)
{
    struct interrupt *interrupt = &rt->interrupt;
    pthread_mutex_lock(&interrupt->lock);
    ret_rest->running = interrupt->running;
    ret_rest->current = interrupt->current;
    interrupt->running = 0;
    mine = NULL;
    atomic_signal_fence(memory_order_seq_cst);
    interrupt->current = NULL;
    ret_rest->stop = atomic_exchange(&interrupt->stop, STOP_NONE);
    ret_rest->deadline = interrupt->deadline;
    clock_gettime(CLOCK_MONOTONIC, &ret_rest->since);
    stop_timer(interrupt);
    pthread_mutex_unlock(&interrupt->lock);
}

/* The deadline moves on by the time that passed meanwhile. */
static void resume_deadline(struct interrupt *interrupt, const struct interrupt_rest *rest)
{
    struct timespec now, late = rest->deadline;
    if (late.tv_sec == 0)
        return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t passed = (int64_t)(now.tv_sec - rest->since.tv_sec) * 1000000000 +
                     (now.tv_nsec - rest->since.tv_nsec) + late.tv_nsec;
    late.tv_sec += (time_t)(passed / 1000000000);
    late.tv_nsec = (long)(passed % 1000000000);
    struct itimerspec timer = {{0, REPEAT_NS}, late};
    interrupt->deadline = late;
    interrupt->repeating = 1;
    timer_settime(interrupt->timer, TIMER_ABSTIME, &timer, NULL);
}

void interrupt_resume(struct runtime *rt, const struct interrupt_rest *rest)
{
    struct interrupt *interrupt = &rt->interrupt;
    pthread_mutex_lock(&interrupt->lock);
    atomic_store(&interrupt->stop, rest->stop);
    interrupt->current = rest->current;
    atomic_signal_fence(memory_order_seq_cst);
    mine = rest->running ? rt : NULL;
    resume_deadline(interrupt, rest);
    interrupt->running = rest->running;
    pthread_mutex_unlock(&interrupt->lock);
    if (rest->running && atomic_load(&interrupt->attend)) /* its signal found nothing to arm */
        arm_to_attend(interrupt, rest->current);
}

void interrupt_stop(struct runtime *rt, enum stop reason)
{
    int none = STOP_NONE;
    if (!rt->interrupt.running)
        return; /* a finalizer, or a completion: there is nothing to end */
    atomic_compare_exchange_strong(&rt->interrupt.stop, &none, (int)reason);
    if (rt->interrupt.current)
        arm(rt->interrupt.current);
}

enum stop interrupt_pending(struct runtime *rt)
{
    int stop = atomic_load(&rt->interrupt.stop);
    if (stop == STOP_INTERRUPT && rt->was_nested && rt->call &&
        rt->host->cancelled(rt->call) >= 0 &&
        atomic_compare_exchange_strong(&rt->interrupt.stop, &stop, STOP_NONE))
        stop = STOP_NONE; /* meant for one that ran in the midst, just as it began or ended */
    if (stop != STOP_NONE || !rt->call)
        return (enum stop)stop;
    int32_t code = rt->host->cancelled(rt->call);
    if (code >= 0)
        return STOP_NONE;
    interrupt_stop(rt, code == LLMSPELL_ETIMEOUT ? STOP_TIMEOUT : STOP_INTERRUPT);
    return (enum stop)atomic_load(&rt->interrupt.stop);
}

void interrupt_check(lua_State *L)
{
    if (interrupt_pending(runtime_of(L)) != STOP_NONE)
        interrupt_raise(L);
}

int interrupt_has_hook(lua_State *L)
{
    return lua_gethook(L) == on_hook;
}

void interrupt_recheck(struct runtime *rt, lua_State *L)
{
    atomic_signal_fence(memory_order_seq_cst);
    if (!L || rt->interrupt.current != L)
        return;
    if (atomic_load(&rt->interrupt.stop) != STOP_NONE)
        arm(L);
    else if (atomic_load_explicit(&rt->interrupt.attend, memory_order_relaxed))
        arm_to_attend(&rt->interrupt, L);
}

void interrupt_switch(struct runtime *rt, lua_State *next)
{
    rt->interrupt.current = next;
    interrupt_recheck(rt, next); /* the signal may have come while current was changing */
}

void interrupt_hold(struct runtime *rt, struct interrupt_rest *ret_rest)
{
    struct interrupt *interrupt = &rt->interrupt;
    pthread_mutex_lock(&interrupt->lock);
    ret_rest->deadline = interrupt->deadline;
    clock_gettime(CLOCK_MONOTONIC, &ret_rest->since);
    stop_timer(interrupt);
    pthread_mutex_unlock(&interrupt->lock);
}

void interrupt_release(struct runtime *rt, const struct interrupt_rest *rest)
{
    struct interrupt *interrupt = &rt->interrupt;
    pthread_mutex_lock(&interrupt->lock);
    resume_deadline(interrupt, rest);
    pthread_mutex_unlock(&interrupt->lock);
}
