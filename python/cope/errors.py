"""What can go wrong, as exceptions.

    Error                      anything COPE reports
    ├── ConfigError            an argument, a method, a prompt, a price or a model that cannot work (also a ValueError)
    ├── DataError              a problem set that cannot be read: file, line, column (also a ValueError)
    ├── StoreError             a store that is damaged, foreign, newer, locked or out of disk
    ├── BudgetError            the store's cap left no room to start
    └── EndpointError          an endpoint refused for the whole run; carries status_code, request_id, body
        ├── AuthenticationError    a refused key
        ├── RateLimitError         told to wait for longer than is sensible
        ├── APITimeoutError        no reply in time
        ├── APIConnectionError     nobody there
        └── BadRequestError        a request that the endpoint does not understand, an unknown model among them

A request that fails while a run goes on is no exception: its sample carries an error code, and its problem is reported as failed, never as wrong.

Example:
    >>> issubclass(ConfigError, ValueError)
    True
"""

from ._core import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    BudgetError,
    ConfigError,
    DataError,
    EndpointError,
    Error,
    RateLimitError,
    StoreError,
)

__all__ = [
    "APIConnectionError",
    "APITimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "BudgetError",
    "ConfigError",
    "DataError",
    "EndpointError",
    "Error",
    "RateLimitError",
    "StoreError",
]
