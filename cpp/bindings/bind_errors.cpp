// The one translator of the core's errors. The tree (base/error.h) appears in Python as
//
//   Exception
//   └── cope.Error
//       ├── cope.ConfigError (also a ValueError)    ├── cope.DataError (also a ValueError)
//       ├── cope.StoreError                         ├── cope.BudgetError
//       └── cope.EndpointError: .status_code .request_id .body
//           └── AuthenticationError, RateLimitError, APITimeoutError, APIConnectionError, BadRequestError
#include <pybind11/pybind11.h>

#include <exception>

#include "bindings.h"
#include "cope/base/error.h"

namespace py = pybind11;

namespace cope::python {

namespace {

// Exception classes live as long as the interpreter: they are referenced by the module and never freed.
struct Classes {
  PyObject *error, *config, *data, *store, *budget, *endpoint, *authentication, *rate_limit, *timeout, *connection,
      *bad_request;
};

Classes classes;

PyObject* define(py::module_& module, const char* name, const py::object& bases, const char* doc) {
  PyObject* type = PyErr_NewExceptionWithDoc((std::string("cope.") + name).c_str(), doc, bases.ptr(), nullptr);
  if (type == nullptr) throw py::error_already_set();
  module.add_object(name, py::reinterpret_borrow<py::object>(type));
  return type;
}

py::object borrowed(PyObject* object) { return py::reinterpret_borrow<py::object>(object); }

void raise_endpoint(PyObject* type, const EndpointError& error) {
  py::object instance = borrowed(type)(error.what());
  instance.attr("status_code") = error.reply().status_code;
  instance.attr("request_id") = error.reply().request_id;
  instance.attr("body") = error.reply().body;
  PyErr_SetObject(type, instance.ptr());
}

void translate(std::exception_ptr pointer) {
  try {
    if (pointer) std::rethrow_exception(pointer);
  } catch (const AuthenticationError& error) {
    raise_endpoint(classes.authentication, error);
  } catch (const RateLimitError& error) {
    raise_endpoint(classes.rate_limit, error);
  } catch (const APITimeoutError& error) {
    raise_endpoint(classes.timeout, error);
  } catch (const APIConnectionError& error) {
    raise_endpoint(classes.connection, error);
  } catch (const BadRequestError& error) {
    raise_endpoint(classes.bad_request, error);
  } catch (const EndpointError& error) {
    raise_endpoint(classes.endpoint, error);
  } catch (const ConfigError& error) {
    py::set_error(classes.config, error.what());
  } catch (const DataError& error) {
    py::set_error(classes.data, error.what());
  } catch (const StoreError& error) {
    py::set_error(classes.store, error.what());
  } catch (const BudgetError& error) {
    py::set_error(classes.budget, error.what());
  } catch (const Error& error) {
    py::set_error(classes.error, error.what());
  }
}

}  // namespace

void bind_errors(py::module_& module) {
  const py::object exception = borrowed(PyExc_Exception);
  classes.error = define(module, "Error", exception, "Anything that COPE reports.");
  const py::object error = borrowed(classes.error);
  const py::object value_error = py::make_tuple(error, borrowed(PyExc_ValueError));
  classes.config =
      define(module, "ConfigError", value_error, "An argument, a method, a price or a model that cannot work.");
  classes.data =
      define(module, "DataError", value_error, "A problem set that cannot be read; says file, line, column.");
  classes.store =
      define(module, "StoreError", error, "A store that is damaged, foreign, newer, locked or out of disk.");
  classes.budget = define(module, "BudgetError", error, "The store's cap left no room to start.");
  classes.endpoint = define(module, "EndpointError", error,
                            "An endpoint refused for the whole run; has status_code, request_id and body.");
  const py::object endpoint = borrowed(classes.endpoint);
  endpoint.attr("status_code") = 0;
  endpoint.attr("request_id") = "";
  endpoint.attr("body") = "";
  classes.authentication = define(module, "AuthenticationError", endpoint, "The endpoint refused the key.");
  classes.rate_limit = define(module, "RateLimitError", endpoint, "The endpoint's rate limit held after all retries.");
  classes.timeout = define(module, "APITimeoutError", endpoint, "The endpoint did not answer in time.");
  classes.connection = define(module, "APIConnectionError", endpoint, "Nobody answers at the endpoint's address.");
  classes.bad_request = define(module, "BadRequestError", endpoint, "The endpoint rejects the request or the model.");
  py::register_local_exception_translator(&translate);
}

}  // namespace cope::python
