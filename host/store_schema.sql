-- The series file, schema version 3.
--
-- One SQLite database (WAL). PRAGMA application_id is 1414087749 ("TIDE"), which marks a series file; PRAGMA user_version is
-- the schema version. A program refuses a newer version.
--
-- Times are integer nanoseconds since the epoch, UTC. Interval k covers [k * interval_ns, (k + 1) * interval_ns).
-- {counters} stands for one column per counter of kernels/data/interval_columns.hpp, {refusals} for one column
-- refused_<reason> per reason of kernels/data/partial_series.hpp, {time_of_c} for the start of interval c.k as ISO 8601 text
-- in UTC; host/store_schema.cpp puts them in when a file is made.

-- interval_ns, joint_tolerance_ns (spans no farther apart than this count as one), schema_version, made_by (program version).
CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value NOT NULL
) WITHOUT ROWID;

-- One row per input that is in. A trace's row here, its intervals and its spans are written in one transaction: what is
-- listed is in completely. The identity of an input is (size, hash), not its path.
CREATE TABLE traces (
  trace          INTEGER PRIMARY KEY,
  point          TEXT NOT NULL,              -- observation point (link and direction)
  path           TEXT NOT NULL,              -- as given
  absolute_path  TEXT NOT NULL,              -- empty for a pipe
  size           INTEGER NOT NULL,           -- bytes of the file
  hash           TEXT NOT NULL,              -- 16 hex digits: XXH3 of its sampled 64 KiB blocks
  kind           TEXT NOT NULL,              -- pcap, pcapng, csv; "... in gzip"
  settings       TEXT NOT NULL,              -- JSON of what changes the numbers
  status         TEXT NOT NULL CHECK (status IN ('counting', 'whole', 'damaged')),  -- counting: never seen committed
  damage         TEXT NOT NULL DEFAULT '',   -- words about damage that was passed over
  records_read   INTEGER NOT NULL DEFAULT 0, -- = records_counted + the sum of the refusals
  records_counted INTEGER NOT NULL DEFAULT 0,
  {refusals},
  skipped_bytes  INTEGER NOT NULL DEFAULT 0, -- passed over while resynchronising or at a cut end
  captured_bytes INTEGER NOT NULL DEFAULT 0, -- of the records read
  first_k        INTEGER,                    -- smallest and largest interval with a row; NULL without rows
  last_k         INTEGER,
  late_interval_ns INTEGER,                  -- `late` counts packets of an earlier interval of this length; NULL: interval_ns
                                             -- (set where rebin made the rows from finer ones that held late packets)
  times_size     INTEGER,                    -- size and hash of the .times file that its times came from; NULL: none
  times_hash     TEXT,
  added_at       TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
  UNIQUE (size, hash, point)
);
CREATE INDEX traces_by_point ON traces (point, first_k);
CREATE INDEX traces_by_path ON traces (absolute_path);

-- What a trace covers, from its first to its last kept timestamp, both included. A capture has one span (none if nothing
-- was kept), an imported series one per run of consecutive intervals.
CREATE TABLE spans (
  trace    INTEGER NOT NULL REFERENCES traces,
  first_ns INTEGER NOT NULL,
  last_ns  INTEGER NOT NULL,
  PRIMARY KEY (trace, first_ns)
) WITHOUT ROWID;

-- Counters of the non-empty intervals of each trace. Intervals without a row are zero inside spans and unknown outside.
-- Traces of one point that overlap add up.
CREATE TABLE intervals (
  trace INTEGER NOT NULL REFERENCES traces,
  k     INTEGER NOT NULL,
  {counters},
  PRIMARY KEY (trace, k)
) WITHOUT ROWID;

-- The time index: which stretches of a capture's bytes hold which intervals (ingest/formats/trace_index.hpp), so that
-- `extract` reads only those. A stretch ends where the next ordinal's begins, the last one at the end of the capture.
CREATE TABLE trace_index (
  trace               INTEGER NOT NULL REFERENCES traces,
  ordinal             INTEGER NOT NULL,      -- order in the capture
  first_k             INTEGER NOT NULL,      -- its kept records lie between these, both included
  last_k              INTEGER NOT NULL,
  packets             INTEGER NOT NULL,      -- records with a time in it, kept or set aside
  stream_offset       INTEGER NOT NULL,      -- of its first record in the decompressed stream
  entry_stream_offset INTEGER NOT NULL,      -- where reading can begin, at or before it: in the decompressed stream,
  entry_input_offset  INTEGER NOT NULL,      -- and in the file
  state               BLOB,                  -- what the decompressor has to know there; NULL: nothing
  last_ns             INTEGER,               -- times of the two records before the stretch; NULL at the capture's start
  before_last_ns      INTEGER,
  head                BLOB,                  -- what the walker has to know of what lies before (encoded as
                                             -- ingest/formats/resume_head.hpp says); NULL: as for the stretch before, none
                                             -- for the first
  times_line          INTEGER NOT NULL,      -- lines of the .times file before that of its first record, and bytes of its
  times_offset        INTEGER NOT NULL,      -- decompressed stream before them; 0 without one
  PRIMARY KEY (trace, ordinal)
) WITHOUT ROWID;
-- Counters per key (`bin --by`), sparse. `kind` is protocol, sport, dport, vlan, interface, direction, prefix, dst-prefix, mac
-- or dst-mac, `name` the key as text ("443", "10.0.0.0/8", "other", "none"). The dictionary is the file's, not a trace's.
CREATE TABLE keys (
  key  INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  UNIQUE (kind, name)
);
-- One blob per trace, key and chunk of 4096 intervals: chunk c covers intervals 4096 * c to 4096 * c + 4095. Byte 0 of a blob
-- says how the rest lies: 0 as it is, 1 as one zstd frame. The rest is LEB128 numbers: n, the non-empty intervals; n places in
-- the chunk, the first as it is, each other one as the difference to the one before; n packets and then n bytes, each as the
-- zigzag-coded difference to the one before (the first to 0; zigzag: 0, -1, 1, -2 are 0, 1, 2, 3). Traces of one point add up;
-- the keys of one kind add up to the packets and bytes of `intervals`. `tidegauge export --by` reads them.
-- Where the settings of the traces say approximate (prefixes and MACs without a list), kind <kind>-missed has one key, "any":
-- the most packets and bytes that a key of the interval had beyond what is stored of it, and all that one not stored had.
CREATE TABLE key_chunks (
  trace INTEGER NOT NULL REFERENCES traces,
  chunk INTEGER NOT NULL,
  key   INTEGER NOT NULL REFERENCES keys,
  counts BLOB NOT NULL,
  PRIMARY KEY (trace, chunk, key)
) WITHOUT ROWID;
-- Distinct addresses (`bin --distinct`) as HyperLogLog sketches, the same way: n, n places, then n sketches, each as
-- kernels/sketch/hll.hpp encodes it; kernels/sketch/hll_rule.hpp says which hash chooses register and rank. `kind` is sources
-- or destinations, of the outermost IP header. Traces of one point merge by the larger rank of each register.
-- `tidegauge export --columns sources,destinations` estimates.
CREATE TABLE sketch_chunks (
  trace INTEGER NOT NULL REFERENCES traces,
  chunk INTEGER NOT NULL,
  kind  TEXT NOT NULL,
  sketches BLOB NOT NULL,
  UNIQUE (trace, chunk, kind)
);

-- Imported series (`bin --csv`): one value per interval and point. A point holds counters or imported values, not both.
CREATE TABLE imported_values (
  trace INTEGER NOT NULL REFERENCES traces,
  k     INTEGER NOT NULL,
  value REAL NOT NULL,
  PRIMARY KEY (trace, k)
) WITHOUT ROWID;

-- What models said beforehand; one forecast per point, model, column and step (1 = the next interval). The newest job on a
-- column replaces all of it.
CREATE TABLE forecasts (
  forecast INTEGER PRIMARY KEY,
  point    TEXT NOT NULL,
  model    TEXT NOT NULL,
  "column" TEXT NOT NULL,
  step     INTEGER NOT NULL,
  made_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
  UNIQUE (point, model, "column", step)
);
CREATE TABLE forecast_values (
  forecast  INTEGER NOT NULL REFERENCES forecasts ON DELETE CASCADE,
  k         INTEGER NOT NULL,                -- the interval that is spoken of
  predicted REAL,
  actual    REAL,                            -- NULL where it was not fully observed
  PRIMARY KEY (forecast, k)
) WITHOUT ROWID;

-- Labelled ranges; one set per point, source ('series' or a model) and column.
CREATE TABLE label_sets (
  label_set INTEGER PRIMARY KEY,
  point     TEXT NOT NULL,
  source    TEXT NOT NULL,
  "column"  TEXT NOT NULL,
  settings  TEXT NOT NULL,                   -- JSON
  made_at   TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
  UNIQUE (point, source, "column")
);
CREATE TABLE labels (
  label_set  INTEGER NOT NULL REFERENCES label_sets ON DELETE CASCADE,
  ordinal    INTEGER NOT NULL,               -- order of the ranges in the set
  first_k    INTEGER NOT NULL,
  last_k     INTEGER NOT NULL,               -- included
  peak_k     INTEGER NOT NULL,               -- the detection with the largest |slope|
  direction  TEXT NOT NULL CHECK (direction IN ('rising', 'falling')),
  slope      REAL,                           -- at peak_k; may be infinite
  detections INTEGER NOT NULL,               -- how many were merged
  PRIMARY KEY (label_set, ordinal)
) WITHOUT ROWID;
CREATE TABLE detections (                    -- single detections before they were widened and merged
  label_set INTEGER NOT NULL REFERENCES label_sets ON DELETE CASCADE,
  ordinal   INTEGER NOT NULL,
  k         INTEGER NOT NULL,
  PRIMARY KEY (label_set, ordinal)
) WITHOUT ROWID;

-- Scores, metrics and runs as JSON documents, by name; point '' speaks of the whole file.
CREATE TABLE results (
  name     TEXT NOT NULL,
  point    TEXT NOT NULL,
  document TEXT NOT NULL,
  made_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
  PRIMARY KEY (name, point)
) WITHOUT ROWID;

-- Views for pandas, DuckDB and the sqlite3 shell ------------------------------------------------------------------------

-- What is covered per point, joints up to the tolerance closed.
CREATE VIEW covered_spans AS
SELECT point, min(first_ns) AS first_ns, max(last_ns) AS last_ns
FROM (SELECT point, first_ns, last_ns, sum(opens) OVER (PARTITION BY point ORDER BY first_ns, last_ns
                                                       ROWS UNBOUNDED PRECEDING) AS island
      FROM (SELECT point, first_ns, last_ns,
                   coalesce(first_ns - max(last_ns) OVER (PARTITION BY point ORDER BY first_ns, last_ns
                                                          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                            > (SELECT value FROM meta WHERE key = 'joint_tolerance_ns'), 1) AS opens
            FROM spans JOIN traces USING (trace)))
GROUP BY point, island;

-- Counters per point and interval, non-empty intervals only.
CREATE VIEW interval_sums AS
SELECT point, k, {counter_sums} FROM traces JOIN intervals USING (trace) GROUP BY point, k;

-- Every covered interval with its number, and how much of it is covered; the skeleton of `series`.
CREATE VIEW covered_intervals AS
WITH RECURSIVE
  step AS (SELECT value AS ns FROM meta WHERE key = 'interval_ns'),
  ranges AS (SELECT point, first_ns, last_ns, (first_ns - ((first_ns % ns) + ns) % ns) / ns AS first_k,
                    (last_ns - ((last_ns % ns) + ns) % ns) / ns AS last_k
             FROM covered_spans, step),
  filled(point, k, last_k, first_ns, last_ns) AS (
    SELECT point, first_k, last_k, first_ns, last_ns FROM ranges
    UNION ALL
    SELECT point, k + 1, last_k, first_ns, last_ns FROM filled WHERE k < last_k)
SELECT point, k, sum(min(last_ns + 1, (k + 1) * ns) - max(first_ns, k * ns)) AS covered_ns
FROM filled, step
GROUP BY point, k;

-- The series of captures: a row for every covered interval, zeros where no packet came, with its start as UTC text.
-- Intervals outside the spans have no row: no data is not zero.
CREATE VIEW series AS
SELECT c.point AS point, c.k AS k, {time_of_c} AS time,
       c.covered_ns * 1.0 / (SELECT value FROM meta WHERE key = 'interval_ns') AS coverage,
       {counter_values}
FROM covered_intervals AS c LEFT JOIN interval_sums AS s ON s.point = c.point AND s.k = c.k
WHERE c.point IN (SELECT point FROM traces WHERE kind <> 'csv');

-- The same for imported series; only intervals with a value have a row.
CREATE VIEW imported_series AS
SELECT point, c.k AS k, {time_of_c} AS time, value FROM traces JOIN imported_values AS c USING (trace);
