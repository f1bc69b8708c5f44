// SPDX-License-Identifier: Apache-2.0
// Lets libchdb live in a program under the address or thread sanitizer; built without either, and into no other
// program. The library carries a malloc of its own, asks dlsym(RTLD_NEXT) for the free() of the process, and calls
// __pthread_mutex_lock, which the sanitizers intercept and resolve to nothing. (A namespace of its own, by dlmopen, is
// no way out: the C library in there frees thread-local storage that came from the sanitizer's malloc.)
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>

// Linking this name brings the file in.
void clew_engine_sanitizer_shim(void) {}

// At the end of a thread the sanitizers unmap its signal stack, which by then is the one that the library has set. What
// is inside the library is not instrumented, so the thread sanitizer does not see what its locks order; and it holds
// more locks at a time than the deadlock detector can count.
const char* __asan_default_options(void) { return "use_sigaltstack=0"; }
const char* __tsan_default_options(void) {
  return "use_sigaltstack=0:ignore_noninstrumented_modules=1:detect_deadlocks=0";
}

int __pthread_mutex_lock(pthread_mutex_t* mutex) { return pthread_mutex_lock(mutex); }
int __pthread_mutex_unlock(pthread_mutex_t* mutex) { return pthread_mutex_unlock(mutex); }

static void ProcessFree(void* memory) { free(memory); }

// The C library's own.
void* (*clew_engine_real_dlsym)(void*, const char*);

// By hand, since the sanitizer's own strcmp and strstr ask dlsym where the real ones are.
static int IsFree(const char* name) {
  return name[0] == 'f' && name[1] == 'r' && name[2] == 'e' && name[3] == 'e' && name[4] == '\0';
}
static int NamesLibchdb(const char* path) {
  static const char kName[] = "libchdb";
  for (; *path != '\0'; ++path) {
    size_t i = 0;
    while (kName[i] != '\0' && path[i] == kName[i]) ++i;
    if (kName[i] == '\0') return 1;
  }
  return 0;
}

// What dlsym answers itself; NULL: the C library is to be asked.
__attribute__((used)) void* clew_engine_dlsym_answer(void* handle, const char* name, void* caller) {
  if (clew_engine_real_dlsym == NULL) {
    clew_engine_real_dlsym = (void* (*)(void*, const char*))dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.34");
  }
  Dl_info info;
  if (handle == RTLD_NEXT && IsFree(name) && dladdr(caller, &info) != 0 && info.dli_fname != NULL &&
      NamesLibchdb(info.dli_fname)) {
    return (void*)ProcessFree;
  }
  return NULL;
}

// RTLD_NEXT means "after the caller", so the real one must see the same return address: it is jumped to, not called.
#if !defined(__x86_64__)
#error "sanitizers with libchdb are set up for x86-64"
#endif
__asm__(
    ".text\n"
    ".globl dlsym\n"
    ".type dlsym, @function\n"
    "dlsym:\n"
    "  pushq %rdi\n"
    "  pushq %rsi\n"
    "  subq $8, %rsp\n"
    "  movq 24(%rsp), %rdx\n"
    "  call clew_engine_dlsym_answer\n"
    "  addq $8, %rsp\n"
    "  popq %rsi\n"
    "  popq %rdi\n"
    "  testq %rax, %rax\n"
    "  jne 1f\n"
    "  movq clew_engine_real_dlsym@GOTPCREL(%rip), %rax\n"
    "  jmpq *(%rax)\n"
    "1:\n"
    "  ret\n"
    ".size dlsym, .-dlsym\n");
