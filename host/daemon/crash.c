/* SPDX-License-Identifier: Apache-2.0
 * The crash report. From the signal on, only what signal-safety(7) allows is called; backtrace()
 * is, too, once it has loaded its library, which crash_install sees to. What the handler needs is
 * in static variables, since it gets no context of ours; all of it is set before threads start. */
#include "daemon/crash.h"

#include <execinfo.h>
#include <link.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#include <llmspell/error.h>
#include <llmspell/version.h>

#include "daemon/report.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SUPPORTED false
#elif defined(__has_feature)
#define SUPPORTED (!__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer))
#else
#define SUPPORTED true
#endif

#define FRAMES_MAX 32
#define OWN_FRAMES 8      /* of the handler itself, above those that are reported */
#define STACK_BYTES 65536 /* an alternate stack; the unwinder needs about 10 KiB */
#define DRAIN_MAX 65536   /* bytes */
#define DEADLINE_S 3      /* a report that gets stuck is given up */
#define BUILD_ID_MAX 64   /* bytes of text */
#define NOTE_ALIGN(n) (((n) + 3u) & ~(size_t)3u)

static const struct {
    int number;
    const char *name;
} SIGNALS[] = {{SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"}, {SIGILL, "SIGILL"},  {SIGFPE, "SIGFPE"},
               {SIGABRT, "SIGABRT"}, {SIGSYS, "SIGSYS"}, {SIGTRAP, "SIGTRAP"}};
#define SIGNAL_COUNT (sizeof SIGNALS / sizeof SIGNALS[0])

static atomic_int installed; /* the PID of the kernel: a child of it is not the kernel */
static atomic_int log_target = -1, drain_source = -1;
static atomic_int crashed_thread, crashed_signal; /* the first one reports, the others wait */
static char kernel_id[128], build_id[BUILD_ID_MAX + 1] = "unknown";
static _Thread_local void *thread_stack;

/* ---- the report ---- */

static uintptr_t program_counter(const ucontext_t *context)
{
#if defined(__x86_64__)
    return (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return (uintptr_t)context->uc_mcontext.pc;
#else
    (void)context;
    return 0;
#endif
}

/* Who called a function that is none (a NULL pointer): no unwinder gets beyond that. */
static uintptr_t caller(const ucontext_t *context)
{
    uintptr_t address = 0;
#if defined(__x86_64__)
    struct iovec to = {&address, sizeof address},
                 from = {(void *)context->uc_mcontext.gregs[REG_RSP], sizeof address};
    if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) != (ssize_t)sizeof address)
        return 0;
#elif defined(__aarch64__)
    address = (uintptr_t)context->uc_mcontext.regs[30];
#else
    (void)context;
#endif
    return address;
}

static void put_frames(struct report *report, const ucontext_t *context)
{
    void *frames[FRAMES_MAX + OWN_FRAMES];
    uintptr_t pc = program_counter(context);
    int count = backtrace(frames, FRAMES_MAX + OWN_FRAMES), first = 0;
    while (first < count && (uintptr_t)frames[first] != pc)
        first++;
    bool known = report_put_frame(report, 0, pc);
    unsigned number = 1;
    uintptr_t back = known ? 0 : caller(context);
    if (back)
        report_put_frame(report, number++, back);
    /* without pc among them: all, the handler's own, too, if they are all that there is */
    int next = first < count ? first + 1 : back ? count : 0;
    while (next < count && number < FRAMES_MAX)
        report_put_frame(report, number++, (uintptr_t)frames[next++]);
}

static void put_cause(struct report *report, int number, const siginfo_t *info)
{
    for (unsigned i = 0; i < SIGNAL_COUNT; i++)
        if (SIGNALS[i].number == number)
            report_put(report, SIGNALS[i].name);
    if (info->si_code <= 0) {
        report_put(report, " (sent by process ");
        report_put_signed(report, (int)info->si_pid);
    } else {
        report_put(report, " (address ");
        report_put_address(report, (uintptr_t)info->si_addr);
    }
    report_put(report, ", code ");
    report_put_signed(report, info->si_code);
    report_put(report, ")");
}

static void put_head(struct report *report, int number, const siginfo_t *info)
{
    char thread[16] = "?";
    prctl(PR_GET_NAME, thread);
    report_put(report, "llmspell crashed: ");
    put_cause(report, number, info);
    report_put(report, " in thread ");
    report_put(report, gettid() == getpid() ? "main" : thread);
    report_put(report, " (");
    report_put_signed(report, (int)gettid());
    report_put(report, ") of kernel ");
    report_put(report, kernel_id);
    report_put(report, ", version " LLMSPELL_VERSION ", build id ");
    report_put(report, build_id);
    report_put(report, ", ");
    report_put_time(report);
    report_put_line(report);
}

static bool is_same_file(int one, int other)
{
    struct stat a, b;
    return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

static void drain(int from, int to)
{
    char data[4096];
    struct pollfd source = {.fd = from, .events = POLLIN};
    for (size_t left = DRAIN_MAX; left > 0 && poll(&source, 1, 0) == 1;) {
        ssize_t got = read(from, data, left < sizeof data ? left : sizeof data);
        if (got <= 0)
            return;
        report_write(to, data, (size_t)got);
        left -= (size_t)got;
    }
}

static void write_report(int number, const siginfo_t *info, const ucontext_t *context)
{
    int log = log_target, source = drain_source;
    bool to_stderr = !is_same_file(log, STDERR_FILENO) && !is_same_file(source, STDERR_FILENO);
    struct report report = {.fds = {log, to_stderr ? STDERR_FILENO : -1}};
    if (source >= 0 && log >= 0)
        drain(source, log);
    put_head(&report, number, info);
    put_frames(&report, context);
    report_put(&report, "the source line of a frame: addr2line -Cfpe MODULE 0xOFFSET");
    report_put_line(&report);
}

/* ---- the end ---- */

static void unblock(int number)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* As if there had been no handler; with info the core says what really happened. */
static _Noreturn void die(int number, siginfo_t *info)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigaction(number, &action, NULL);
    unblock(number);
    if (info)
        syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), number, info);
    raise(number);
    _exit(128 + number);
}

static void on_deadline(int number)
{
    (void)number;
    die(crashed_signal, NULL);
}

/* A file that nobody reads, a lock of the dynamic linker: the process ends all the same. */
static void set_deadline(int number)
{
    struct sigaction action = {.sa_handler = on_deadline, .sa_flags = SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    crashed_signal = number;
    sigaction(SIGALRM, &action, NULL);
    unblock(SIGALRM);
    alarm(DEADLINE_S);
}

static void on_crash(int number, siginfo_t *info, void *context)
{
    int nobody = 0, self = (int)gettid();
    if (getpid() != installed)
        die(number, info);
    if (!atomic_compare_exchange_strong(&crashed_thread, &nobody, self)) {
        while (nobody != self)
            pause(); /* another thread reports, and ends the process */
        die(number, info);
    }
    set_deadline(number);
    write_report(number, info, context);
    die(number, info);
}

/* ---- setting up ---- */

/* dl_iterate_phdr names our own executable first. */
static int read_build_id(struct dl_phdr_info *object, size_t size, void *data)
{
    (void)size;
    (void)data;
    for (unsigned i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &object->dlpi_phdr[i];
        const char *at = (const char *)object->dlpi_addr + header->p_vaddr,
                   *end = at + header->p_memsz;
        while (header->p_type == PT_NOTE && (size_t)(end - at) >= sizeof(ElfW(Nhdr))) {
            const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)(const void *)at;
            const unsigned char *bytes =
                (const unsigned char *)(note + 1) + NOTE_ALIGN(note->n_namesz);
            at = (const char *)bytes + NOTE_ALIGN(note->n_descsz);
            if (note->n_type != NT_GNU_BUILD_ID || note->n_namesz != 4 ||
                memcmp(note + 1, "GNU", 4) != 0)
                continue;
            struct report text = {.used = 0};
            for (unsigned n = 0; n < note->n_descsz && n < BUILD_ID_MAX / 2; n++)
                report_put_number(&text, bytes[n], 16, 2);
            memcpy(build_id, text.text, text.used);
            build_id[text.used] = '\0';
        }
    }
    return 1;
}

static int give_stack(void)
{
    size_t guard = (size_t)sysconf(_SC_PAGESIZE);
    char *memory = mmap(NULL, guard + STACK_BYTES, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return LLMSPELL_ENOMEM;
    stack_t stack = {.ss_sp = memory + guard, .ss_size = STACK_BYTES};
    if (mprotect(memory + guard, STACK_BYTES, PROT_READ | PROT_WRITE) < 0 ||
        sigaltstack(&stack, NULL) < 0) {
        munmap(memory, guard + STACK_BYTES);
        return LLMSPELL_ENOMEM;
    }
    thread_stack = memory;
    return 0;
}

bool crash_is_supported(void)
{
    return SUPPORTED;
}

const char *crash_build_id(void)
{
    return build_id;
}

void crash_set_fd(int log_fd)
{
    log_target = log_fd;
}

void crash_set_drain(int fd)
{
    drain_source = fd;
}

void crash_thread_enter(const char *name)
{
    prctl(PR_SET_NAME, name);
    if (installed && !thread_stack)
        give_stack();
}

void crash_thread_leave(void)
{
    stack_t none = {.ss_flags = SS_DISABLE};
    if (!thread_stack)
        return;
    sigaltstack(&none, NULL);
    munmap(thread_stack, (size_t)sysconf(_SC_PAGESIZE) + STACK_BYTES);
    thread_stack = NULL;
}

int crash_install(int log_fd, const char *id)
{
    if (!crash_is_supported())
        return 0;
    void *frame;
    backtrace(&frame, 1); /* loads the unwinder now: the handler must not */
    dl_iterate_phdr(read_build_id, NULL);
    crash_set_fd(log_fd);
    installed = (int)getpid();
    strncpy(kernel_id, id, sizeof kernel_id - 1);
    int rc = thread_stack ? 0 : give_stack();
    struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    for (unsigned i = 0; i < SIGNAL_COUNT; i++)
        sigaddset(&action.sa_mask, SIGNALS[i].number); /* a crash in the handler is the end */
    for (unsigned i = 0; i < SIGNAL_COUNT; i++)
        if (sigaction(SIGNALS[i].number, &action, NULL) < 0)
            rc = LLMSPELL_EIO;
    return rc;
}
