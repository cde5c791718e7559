// A CUDA driver that computes nothing: it keeps what it was told, for a test to look at.
#include <cstdint>
#include <cstring>

extern "C" {

struct Told {
  char function[64];
  unsigned blocks[3], threads, shared_bytes;
  int attribute, attribute_value, entered, loaded;
  uint64_t stream, context;
  char parameters[16];
} told;

int fails_with = 0;

int cuInit(unsigned) { return fails_with; }
int cuDeviceGet(int* device, int index) { return *device = index + 40, 0; }
int cuDevicePrimaryCtxRetain(void** context, int device) {
  *context = (void*)(0x7fff00000000 + device);
  return 0;
}
int cuDeviceGetAttribute(int* value, int which, int device) {
  if (device != 40) return 101;
  *value = which == 16 ? 132 : which == 75 ? 9 : which == 76 ? 0 : which == 97 ? 232448 : -1;
  return 0;
}
int cuCtxSetCurrent(void* context) {
  told.context = (uint64_t)context;
  told.entered++;
  return 0;
}
int cuModuleLoadData(void** module, const char* image) {
  if (strncmp(image, "image", 5)) return 200;
  told.loaded++;
  *module = (void*)0x7f0000001000;
  return 0;
}
int cuModuleGetFunction(void** function, void* module, const char* name) {
  if (module != (void*)0x7f0000001000) return 500;
  strncpy(told.function, name, 63);
  *function = (void*)0x7f0000002000;
  return 0;
}
int cuFuncSetAttribute(void* function, int which, int value) {
  told.attribute = which;
  told.attribute_value = value;
  return function == (void*)0x7f0000002000 ? 0 : 400;
}
int cuLaunchKernel(void* function, unsigned x, unsigned y, unsigned z, unsigned threads, unsigned,
                   unsigned, unsigned shared_bytes, void* stream, void** parameters, void**) {
  if (function != (void*)0x7f0000002000) return 400;
  told.blocks[0] = x, told.blocks[1] = y, told.blocks[2] = z;
  told.threads = threads, told.shared_bytes = shared_bytes, told.stream = (uint64_t)stream;
  memcpy(told.parameters, parameters[0], sizeof told.parameters);
  return x == 0 ? 1 : 0;
}
int cuGetErrorString(int error, const char** text) {
  *text = error == 1     ? "invalid argument"
          : error == 101 ? "invalid device ordinal"
          : error == 400 ? "invalid resource handle"
          : error == 700 ? "an illegal memory access was encountered"
          : error == 801 ? "operation not supported"
                         : "no device";
  return 0;
}
}
