// A store as Python holds it: closed by hand or with the object, and safe to use after either (an error, not a crash).
//
// Thread-safety: used with the GIL held; the store inside is internally synchronised.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>

#include "cope/base/error.h"
#include "cope/store/store.h"

namespace cope::python {

class StoreHandle {
 public:
  explicit StoreHandle(std::unique_ptr<Store> store) : store_(std::move(store)) {}
  StoreHandle(StoreHandle&&) = default;
  StoreHandle& operator=(StoreHandle&&) = default;
  StoreHandle(const StoreHandle&) = delete;
  StoreHandle& operator=(const StoreHandle&) = delete;
  ~StoreHandle() { close(); }

  std::shared_ptr<Store> get() const {
    if (!store_) throw StoreError("the store is closed: open it again with cope.open(directory)");
    return store_;
  }
  // A run in progress keeps the store open until it ends.
  void close() {
    if (!store_) return;
    const pybind11::gil_scoped_release release;  // closing waits for the last commit
    store_.reset();
  }

 private:
  std::shared_ptr<Store> store_;
};

}  // namespace cope::python
