// Preloaded into a server by a test: while the file named by TARN_STALL exists, calls that sync a file do not come back.
// They go on by themselves once it is gone, as with a disk that was away for a while.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void wait_while_stalled(void) {
  const char* const path = getenv("TARN_STALL");
  const struct timespec pause = {0, 20 * 1000 * 1000};
  while (path != NULL && access(path, F_OK) == 0) nanosleep(&pause, NULL);
}

int fdatasync(int fd) {
  wait_while_stalled();
  int (*const real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  return real(fd);
}

int fsync(int fd) {
  wait_while_stalled();
  int (*const real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  return real(fd);
}
