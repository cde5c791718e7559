// A CUDA driver whose memory of the card is files that other processes may open, and whose textures
// are those of the OpenGL context that is current. It keeps count of what a process asks of it.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "../cuda_ops/pretend_driver.cpp"

namespace {

using Address = unsigned long long;
struct Handle {
  char name[64];
};
struct Side {
  size_t x, y;
  int kind;
  void* host;
  Address device;
  void* array;
  size_t pitch;
};
struct Copy {
  Side source, target;
  size_t width, height;
};

std::map<Address, std::string> names;  // of memory that was made here
std::map<Address, size_t> sizes;       // of memory that was made or opened here

const char* set(const char* name) {
  const char* text = getenv(name);
  return text ? text : "";
}

std::string path(const std::string& name) { return std::string(set("CARD_FOLDER")) + "/" + name; }

Address mapped(int file, size_t size) {
  void* where = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  sizes[Address(where)] = size;
  return Address(where);
}

bool holds(Address start, size_t count) {
  auto next = sizes.upper_bound(start);
  if (next == sizes.begin()) return false;
  auto found = std::prev(next);
  return start + count <= found->first + found->second;
}

bool failed = false;  // as after an illegal address: all calls fail from then on

template <class F>
F gl(const char* name) {
  static void* library = dlopen("libGL.so.1", RTLD_LAZY);
  return F(dlsym(library, name));
}

}  // namespace

extern "C" {

struct Asked {
  int opened, closed, registered, unregistered, is_mapped, copies, waits;
  uint64_t stream;
} asked;

int cuDeviceGetUuid(char* uuid, int device) {
  if (device != 40) return 101;
  memset(uuid, 0, 16);
  strncpy(uuid, set("CARD"), 15);
  return 0;
}
int cuMemAlloc_v2(Address* address, size_t size) {
  if (size % (2 << 20)) return 1;
  static int number = 0;
  std::string name = std::to_string(getpid()) + "." + std::to_string(number++);
  int file = open(path(name).c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
  if (file < 0 || ftruncate(file, size)) return 2;
  *address = mapped(file, size);
  names[*address] = name;
  return 0;
}
int cuIpcGetMemHandle(Handle* handle, Address address) {
  if (!names.count(address)) return 1;
  if (*set("CARD_LENDS_NOTHING")) return 801;
  memset(handle, 0, sizeof *handle);
  strncpy(handle->name, names[address].c_str(), 63);
  return 0;
}
int cuIpcOpenMemHandle_v2(Address* address, Handle handle, unsigned flags) {
  if (flags != 1) return 1;
  int file = open(path(handle.name).c_str(), O_RDWR);
  if (file < 0) return 400;
  *address = mapped(file, lseek(file, 0, SEEK_END));
  asked.opened++;
  return 0;
}
int cuIpcCloseMemHandle(Address address) {
  if (failed) return 700;
  if (!sizes.count(address)) return 1;
  munmap((void*)address, sizes[address]);
  sizes.erase(address);
  asked.closed++;
  return 0;
}
int cuMemcpyDtoDAsync_v2(Address to, Address from, size_t count, void* stream) {
  if (!holds(to, count)) return 1;
  memcpy((void*)to, (void*)from, count);
  asked.stream = uint64_t(stream);
  return 0;
}
int cuGLGetDevices_v2(unsigned* count, int* devices, unsigned most, unsigned which) {
  if (*set("CARD_DRAWS_NOTHING")) return 100;
  if (most < 1 || which != 1) return 1;
  *count = 1;
  *devices = 40;
  return 0;
}
int cuGraphicsGLRegisterImage(void** resource, unsigned texture, unsigned target, unsigned flags) {
  if (!told.context) return 201;
  if (target != 0x0de1 || flags != 2) return 1;
  *resource = (void*)(0x7f0000000000 + texture);
  asked.registered++;
  return 0;
}
int cuGraphicsUnregisterResource(void*) {
  if (failed) return 700;
  return asked.unregistered++, 0;
}
int cuGraphicsMapResources(unsigned count, void**, void*) {
  return count == 1 && !asked.is_mapped++ ? 0 : 208;
}
int cuGraphicsUnmapResources(unsigned count, void**, void*) {
  if (failed) return 700;
  return count == 1 && asked.is_mapped-- ? 0 : 211;
}
int cuGraphicsSubResourceGetMappedArray(void** array, void* resource, unsigned index, unsigned level) {
  if (!asked.is_mapped || index || level) return 211;
  *array = (char*)resource + 0x10000000000;
  return 0;
}
int cuMemcpy2DAsync_v2(const Copy* copy, void*) {
  if (*set("CARD_FAILS_AFTER") && asked.copies >= atoi(set("CARD_FAILS_AFTER"))) failed = true;
  if (failed) return 700;
  const Side &from = copy->source, &to = copy->target;
  if (!asked.is_mapped || from.kind != 2 || to.kind != 3 || from.x || from.y || to.x || to.y) return 1;
  if (from.pitch != copy->width || !holds(from.device, from.pitch * copy->height)) return 1;
  const unsigned texture = Address(to.array) - 0x800000000000;
  int before = 0, width = 0, height = 0;
  gl<void (*)(unsigned, int*)>("glGetIntegerv")(0x8069, &before);
  auto bind = gl<void (*)(unsigned, unsigned)>("glBindTexture");
  bind(0x0de1, texture);
  auto measure = gl<void (*)(unsigned, int, unsigned, int*)>("glGetTexLevelParameteriv");
  measure(0x0de1, 0, 0x1000, &width);
  measure(0x0de1, 0, 0x1001, &height);
  if (size_t(width) * 4 != copy->width || size_t(height) != copy->height) return 1;
  gl<void (*)(unsigned, int, int, int, int, int, unsigned, unsigned, const void*)>("glTexSubImage2D")(
      0x0de1, 0, 0, 0, width, height, 0x1908, 0x1401, (void*)from.device);
  bind(0x0de1, before);
  asked.copies++;
  return 0;
}
int cuStreamSynchronize(void*) { return asked.waits++, failed ? 700 : 0; }
}
