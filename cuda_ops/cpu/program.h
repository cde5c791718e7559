// Every kind of step comes in equal tasks that any thread may do, in any order.
#pragma once
#include "bends.h"
#include "steps.h"

int tasks(const Styles&);
int tasks(const Waves&);
int tasks(const Pack&);
int tasks(const Unpack&);
int tasks(const Mirror&);
int tasks(const Convolution&);
int tasks(const FilteredLrelu&);
int tasks(const FilteredLreluGradient&);
int tasks(const Layer&);
int tasks(const BendCopy&);
int tasks(const BendResample&);
int tasks(const BendPoint&);
int tasks(const BendExtremeDown&);
int tasks(const BendExtremeAcross&);
int tasks(const BendSmooth&);
int tasks(const BendSums&);
int tasks(const BendMoments&);
int tasks(const BendPermute&);

void run(const Styles&, int task);
void run(const Waves&, int task);
void run(const Pack&, int task);
void run(const Unpack&, int task);
void run(const Mirror&, int task);
void run(const Convolution&, int task);
void run(const FilteredLrelu&, int task);
void run(const FilteredLreluGradient&, int task);
void run(const Layer&, int task);
void run(const BendCopy&, int task);
void run(const BendResample&, int task);
void run(const BendPoint&, int task);
void run(const BendExtremeDown&, int task);
void run(const BendExtremeAcross&, int task);
void run(const BendSmooth&, int task);
void run(const BendSums&, int task);
void run(const BendMoments&, int task);
void run(const BendPermute&, int task);

// Columns `left` to `right` of row `y` of one block, to `out`.
void mirror_row(const Mirror&, int block, int y, int left, int right, void* out);

// How many threads share the tasks.
int thread_count();

void pack_kernel(const float* kernel, const int32_t* in_slots, int inputs, int in_blocks, int outputs,
                 int side, int32_t type, void* packed);
