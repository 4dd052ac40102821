/*
 * Records what this process does to the files of one folder, in order: writes, truncations, flushes, deletions.
 *
 * It is compiled in memory by Bun's own C compiler and puts itself between the program and the C library, by changing
 * the addresses that the dynamic linker has filled in. Nothing but Bun is needed, and the SQLite inside Bun is recorded
 * as it is. Linux only (ELF). One lock is held around each operation and its record, so the order is exact also when
 * several threads write.
 *
 * A record: type (1 byte), length of the name (1), unused (2), length of the data (4), offset, size or mark (8), name, data.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
typedef long i64;

extern void *dlsym(void *, const char *);
extern int dl_iterate_phdr(int (*)(void *, u64, void *), void *);
extern int mprotect(void *, u64, int);
extern i64 readlink(const char *, char *, u64);
extern int snprintf(char *, u64, const char *, ...);
extern int strcmp(const char *, const char *);
extern int strncmp(const char *, const char *, u64);
extern u64 strlen(const char *);
extern void *memcpy(void *, const void *, u64);
extern void *malloc(u64);
extern void free(void *);
extern int open(const char *, int, ...);
extern int pthread_mutex_lock(void *);
extern int pthread_mutex_unlock(void *);

static i64 (*real_write)(int, const void *, u64);
static i64 (*real_pwrite)(int, const void *, u64, i64);
static int (*real_fdatasync)(int);
static int (*real_fsync)(int);
static int (*real_ftruncate)(int, i64);
static int (*real_unlink)(const char *);

static char folder[2048];
static u64 folder_length;
static int log_file = -1;
static u64 lock[16]; /* zeroed memory is an unlocked mutex */
static int patched;

static void record(u8 type, const char *name, u64 number, const void *data, u32 size) {
  u64 name_length = strlen(name);
  u64 total = 16 + name_length + size;
  u8 *bytes = malloc(total);
  bytes[0] = type;
  bytes[1] = (u8)name_length;
  bytes[2] = bytes[3] = 0;
  memcpy(bytes + 4, &size, 4);
  memcpy(bytes + 8, &number, 8);
  memcpy(bytes + 16, name, name_length);
  if (size > 0) memcpy(bytes + 16 + name_length, data, size);
  u64 done = 0;
  while (done < total) {
    i64 n = real_write(log_file, bytes + done, total - done);
    if (n <= 0) break;
    done += n;
  }
  free(bytes);
}

/* The name of a file of the folder, or 0 for any other file. */
static const char *in_folder(const char *path) {
  return strncmp(path, folder, folder_length) == 0 && path[folder_length] == '/' ? path + folder_length + 1 : 0;
}

static const char *name_of(int file, char *path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  i64 n = readlink(link, path, 2047);
  if (n <= 0) return 0;
  path[n] = 0;
  return in_folder(path);
}

static i64 my_pwrite(int file, const void *data, u64 size, i64 offset) {
  char path[2048];
  const char *name = name_of(file, path);
  if (name == 0) return real_pwrite(file, data, size, offset);
  pthread_mutex_lock(lock);
  i64 written = real_pwrite(file, data, size, offset);
  if (written > 0) record('W', name, offset, data, written);
  pthread_mutex_unlock(lock);
  return written;
}

static int flushed(int file, int (*flush)(int)) {
  char path[2048];
  const char *name = name_of(file, path);
  if (name == 0) return flush(file);
  pthread_mutex_lock(lock);
  int result = flush(file);
  if (result == 0) record('S', name, 0, 0, 0);
  pthread_mutex_unlock(lock);
  return result;
}

static int my_fdatasync(int file) { return flushed(file, real_fdatasync); }
static int my_fsync(int file) { return flushed(file, real_fsync); }

static int my_ftruncate(int file, i64 size) {
  char path[2048];
  const char *name = name_of(file, path);
  if (name == 0) return real_ftruncate(file, size);
  pthread_mutex_lock(lock);
  int result = real_ftruncate(file, size);
  if (result == 0) record('T', name, size, 0, 0);
  pthread_mutex_unlock(lock);
  return result;
}

static int my_unlink(const char *path) {
  const char *name = in_folder(path);
  if (name == 0) return real_unlink(path);
  pthread_mutex_lock(lock);
  int result = real_unlink(path);
  if (result == 0) record('U', name, 0, 0, 0);
  pthread_mutex_unlock(lock);
  return result;
}

typedef struct { u64 base; const char *name; const void *headers; u16 count; } program_info;
typedef struct { u32 type, flags; u64 offset, address, physical, file_size, memory_size, align; } program_header;
typedef struct { i64 tag; u64 value; } dynamic_entry;
typedef struct { u64 offset, info; i64 addend; } relocation;
typedef struct { u32 name; u8 info, other; u16 section; u64 value, size; } symbol;

enum { PT_DYNAMIC = 2, DT_PLTRELSZ = 2, DT_STRTAB = 5, DT_SYMTAB = 6, DT_RELA = 7, DT_RELASZ = 8, DT_JMPREL = 23 };

static void *replacement(const char *name) {
  if (!strcmp(name, "pwrite64") || !strcmp(name, "pwrite")) return my_pwrite;
  if (!strcmp(name, "fdatasync")) return my_fdatasync;
  if (!strcmp(name, "fsync")) return my_fsync;
  if (!strcmp(name, "ftruncate64") || !strcmp(name, "ftruncate")) return my_ftruncate;
  if (!strcmp(name, "unlink")) return my_unlink;
  return 0;
}

/* glibc has made these values addresses already; musl leaves them relative to the program. */
static u64 address(u64 base, u64 value) { return value < base ? base + value : value; }

/* Called with the program itself first; the libraries after it are left alone. */
static int patch_program(void *given, u64 size, void *unused) {
  program_info *info = given;
  const program_header *headers = info->headers;
  const dynamic_entry *entry = 0;
  for (int i = 0; i < info->count; i++)
    if (headers[i].type == PT_DYNAMIC) entry = (const dynamic_entry *)(info->base + headers[i].address);
  if (entry == 0) return 1;
  u64 symbols = 0, strings = 0, tables[2] = {0, 0}, sizes[2] = {0, 0};
  for (; entry->tag != 0; entry++) {
    if (entry->tag == DT_STRTAB) strings = address(info->base, entry->value);
    if (entry->tag == DT_SYMTAB) symbols = address(info->base, entry->value);
    if (entry->tag == DT_RELA) tables[0] = address(info->base, entry->value);
    if (entry->tag == DT_RELASZ) sizes[0] = entry->value;
    if (entry->tag == DT_JMPREL) tables[1] = address(info->base, entry->value);
    if (entry->tag == DT_PLTRELSZ) sizes[1] = entry->value;
  }
  for (int t = 0; t < 2; t++) {
    for (u64 i = 0; tables[t] != 0 && i < sizes[t] / sizeof(relocation); i++) {
      const relocation *at = (const relocation *)tables[t] + i;
      u32 index = at->info >> 32;
      if (index == 0) continue;
      void *mine = replacement((const char *)strings + ((const symbol *)symbols)[index].name);
      if (mine == 0) continue;
      u64 *slot = (u64 *)(info->base + at->offset);
      if (mprotect((void *)((u64)slot & ~65535ul), 131072, 3) != 0) mprotect((void *)((u64)slot & ~4095ul), 4096, 3);
      *slot = (u64)mine;
      patched++;
    }
  }
  return 1;
}

/* Begins to record. Answers how many addresses it changed; 0 means that nothing will be recorded. */
int install(const char *folder_path, const char *log_path) {
  folder_length = strlen(folder_path);
  memcpy(folder, folder_path, folder_length + 1);
  real_write = dlsym(0, "write");
  real_pwrite = dlsym(0, "pwrite");
  real_fdatasync = dlsym(0, "fdatasync");
  real_fsync = dlsym(0, "fsync");
  real_ftruncate = dlsym(0, "ftruncate");
  real_unlink = dlsym(0, "unlink");
  log_file = open(log_path, 02001 | 0100, 0600); /* O_WRONLY, O_APPEND, O_CREAT */
  if (log_file < 0) return 0;
  dl_iterate_phdr(patch_program, 0);
  return patched;
}

/* Notes that the program has told somebody that `number` is done. */
void mark(u64 number) {
  pthread_mutex_lock(lock);
  record('M', "", number, 0, 0);
  pthread_mutex_unlock(lock);
}
