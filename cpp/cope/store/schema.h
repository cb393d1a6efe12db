// The tables of a store, in one text: what `sqlite3 cope.sqlite3 .schema` shows to whoever looks into a run by hand.
//
// Money is in integer pusd (10^-12 USD), times are Unix milliseconds, digests are 32-byte blobs, statuses are words.
// The file is marked as ours by application_id ("COPE") and by user_version, which is store_schema_version. A change to this text
// that an older version could not read raises store_schema_version.
//
// Thread-safety: constants.
#pragma once

#include <cstdint>

namespace cope {

inline constexpr std::int64_t store_application_id = 0x434F5045;  // "COPE"

// How many tables and indices of ours the schema makes; a file with fewer is damaged.
inline constexpr std::int64_t store_schema_objects = 7;

inline constexpr const char* store_schema = R"sql(
-- What models answered. Only answers are kept: a request that failed is asked again.
-- Rows are in order of arrival, and never change once written: whoever comes first decides the text of an identity.
CREATE TABLE samples (
  id INTEGER PRIMARY KEY,
  identity BLOB NOT NULL UNIQUE CHECK (length(identity) = 32),  -- SHA-256 of the request; see sampler/request.h
  text TEXT NOT NULL,               -- bytes as received, invalid UTF-8 included
  reasoning TEXT NOT NULL,
  finish_reason TEXT NOT NULL,
  status_code INTEGER NOT NULL,
  request_id TEXT NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  cached_prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  reasoning_tokens INTEGER NOT NULL,
  usage_known INTEGER NOT NULL,     -- 0: the reply carried no usage
  usage_estimated INTEGER NOT NULL,
  cost_pusd INTEGER,                -- NULL: unknown, never invented
  mean_logprob,                     -- REAL without the affinity, which would turn -0.0 into 0; NULL: none
  logprob_tokens INTEGER NOT NULL,
  latency_ms INTEGER NOT NULL,
  created_unix_ms INTEGER NOT NULL,
  attempts INTEGER NOT NULL
);

-- The one row of money. `reserved_pusd` is the sum over `reservations`, kept here so that a decision need not add them up.
CREATE TABLE ledger (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  cap_pusd INTEGER,                 -- NULL: no cap
  settled_pusd INTEGER NOT NULL,    -- billed so far
  reserved_pusd INTEGER NOT NULL    -- set aside for requests that have not been settled
);
INSERT INTO ledger VALUES (1, NULL, 0, 0);

-- Money set aside before a request was sent; a row goes when it is settled. What a crash leaves here counts in full, for good.
-- AUTOINCREMENT: an id is never given twice, so a late settlement cannot end someone else's reservation.
CREATE TABLE reservations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  amount_pusd INTEGER NOT NULL CHECK (amount_pusd >= 0),
  created_unix_ms INTEGER NOT NULL
);

CREATE TABLE runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  key BLOB NOT NULL UNIQUE CHECK (length(key) = 32),  -- the same key goes on with the same run
  manifest_json TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('running', 'finished', 'interrupted', 'failed')),
  started_unix_ms INTEGER NOT NULL,
  ended_unix_ms INTEGER
);

-- What became of each problem of a run. `trace_json` comes last: tables are read without touching its pages.
CREATE TABLE outcomes (
  run_id INTEGER NOT NULL REFERENCES runs (id),
  problem_id TEXT NOT NULL,
  position INTEGER NOT NULL,        -- in the problem set, from 0
  status TEXT NOT NULL CHECK (status IN ('answered', 'unscored', 'failed', 'unfinished')),
  stage INTEGER NOT NULL,           -- that answered, from 0; -1: none
  correct INTEGER,                  -- NULL: no gold answer, or no answer
  billed_pusd INTEGER,
  ideal_pusd INTEGER,               -- as if nothing had come from the store
  samples INTEGER NOT NULL,
  saved INTEGER NOT NULL,
  trace_json TEXT NOT NULL,
  PRIMARY KEY (run_id, problem_id)
);
CREATE INDEX outcomes_by_position ON outcomes (run_id, position, problem_id);
)sql";

}  // namespace cope
