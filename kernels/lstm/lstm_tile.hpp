// One LSTM layer over one tile of windows: what the network (lstm_cpu.cpp) and the code of each instruction
// set (lstm_portable_cpu.cpp, lstm_avx2.cpp, lstm_avx512.cpp) agree on. Plain data only: files compiled with
// other instruction-set flags share nothing that a linker could merge.
//
// Units are taken in blocks of `lanes` (the floats of a vector register); the last block is filled up with
// units whose weights are zero, which stay zero. Layouts, fastest index last:
//   panels  [blocks][inputs + hidden][4 gates][lanes]   weights by source, so that a step multiplies and then
//   has the
//                                                       four gates of a block of units in registers
//   bias    [blocks][4][lanes]
//   tape    [steps][blocks][rows][6][lanes]             i, f, g, o, tanh(c), c: what the backward pass needs
//   dgates  [blocks][chunk rows][4][lanes]              gate gradients of a few steps
//   back    [column panels][blocks * 4 * lanes][columns] weights by gate; columns = back_columns, the last
//   panel less
// A tile runs every step forward and then backward, so that what a step wrote is still in cache when it is
// read again.
// Tested by tests/kernels/lstm_test.cpp, every instruction set that the machine has against the oracle.
#pragma once

#include <cstddef>

namespace tidegauge::lstm {

struct LayerTile {
  std::size_t rows, steps;     ///< windows in the tile, steps of a window
  std::size_t inputs, hidden;  ///< without fill
  const float* panels;
  const float* bias;
  const float* x;  ///< [steps][rows][x_row]
  std::size_t x_row;
  float* h;  ///< [h_slots][rows][h_row]; step t writes slot t % h_slots
  std::size_t h_row,
      h_slots;  ///< as many slots as steps where the backward pass or a layer above needs them, else 2
  float* tape;  ///< the tape, or [blocks][rows][lanes] cell states when only predicting
};

struct LayerGradient {
  const float* back_hidden;  ///< columns are the units
  const float* back_input;   ///< columns are the inputs; null for the first layer
  float* dh;                 ///< dLoss/dh [steps or 1][rows][h_row], fill zero; changed
  bool dh_each_step;         ///< a layer above gave a gradient to every step; otherwise only to the last
  float* dx;                 ///< out: dLoss/dx [steps][rows][h_row], null for the first layer
  float* dc;                 ///< scratch [blocks][rows][lanes]
  float* dgates;             ///< scratch for chunk_steps steps
  std::size_t chunk_steps;   ///< the weights' gradient is added once in so many steps
  float* panels;             ///< added to: gradient of the weights, laid out as the weights
  float* bias;               ///< added to
};

/// The code of one instruction set.
struct LayerCode {
  const char* name;
  std::size_t lanes;
  std::size_t back_columns;
  void (*forward)(const LayerTile&);  ///< keeps the tape
  void (*predict)(const LayerTile&);
  void (*backward)(const LayerTile&, const LayerGradient&);  ///< after forward
};

extern const LayerCode portable_code;
#ifdef TIDEGAUGE_X86
extern const LayerCode avx2_code;
extern const LayerCode avx512_code;
#endif

}  // namespace tidegauge::lstm
