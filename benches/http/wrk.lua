-- wrk -s wrk.lua URL -- PATH FILE FROM COUNT
--
-- Requests for PATH, as many as COUNT; with FILE, each with a token of its own, which are lines of FILE from
-- line FROM on (0 is the first). Without ("-"), none has one. Then wrk is told to end, long before its -d.

local ffi = require("ffi")
ffi.cdef("typedef struct { long seconds, nanoseconds; } moment; int clock_gettime(int, moment *);")

local requests, next_one = {}, 0
local over

local function now()
   local moment = ffi.new("moment")
   ffi.C.clock_gettime(1, moment)
   return tonumber(moment.seconds) + tonumber(moment.nanoseconds) / 1e9
end

local worker
function setup(thread)
   worker = thread
end

function init(arguments)
   over = wrk.format("GET", "/open")
   local path, file, from, count =
      arguments[1], arguments[2], tonumber(arguments[3]), tonumber(arguments[4])
   if file == "-" then
      local one = wrk.format("GET", path)
      for i = 1, count do requests[i] = one end
      return
   end
   -- wrk.format for each would take longer than the load itself.
   local request = wrk.format("GET", path, { Authorization = "Negotiate TOKEN" })
   local before, after = request:match("^(.*)TOKEN(.*)$")
   local line = 0
   for token in io.lines(file) do
      if line >= from + count then break end
      if line >= from then requests[#requests + 1] = before .. token .. after end
      line = line + 1
   end
end

function request()
   next_one = next_one + 1
   -- The first one wrk keeps to itself, before it begins.
   if next_one == 2 then began, began_cpu = now(), os.clock() end
   local one = requests[next_one]
   if one then return one end
   -- Nothing is sent any more: the loop ends, and then wrk, which would wait for its -d. Told at once, it
   -- would take the signal for a broken connection.
   if next_one == #requests + 1 then
      took, used = now() - began, os.clock() - began_cpu
      io.popen("sleep 0.2; kill -INT $PPID")
   end
   wrk.thread:stop()
   return over
end

function done(summary, latency)
   local e = summary.errors
   io.write(string.format("RESULT %d %.6f %.6f %d %d %d %d %d %d\n", summary.requests, worker:get("took"), worker:get("used"),
      e.status, e.connect, e.read, e.write, e.timeout, latency:percentile(99)))
end
