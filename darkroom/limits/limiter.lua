-- The limiter: all dimensions or none, on the server's clock, in one step.
--
-- KEYS[1]  hash: for each dimension its level and when that was true; `born`; `cool_until`
-- KEYS[2]  sorted set: the permits of calls in flight, scored by when each runs out by itself
--
-- A level is what may be called now, in units. It fills at the dimension's rate from when the limiter was born,
-- up to half a second's worth or one call. A call that does not fit is paid in advance: the level goes below
-- nothing and the caller waits until it would be at nothing again, if it is willing to wait that long.

local levels, flight = KEYS[1], KEYS[2]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function level_of(dimension, per_ms, ceiling)
  local known = redis.call('HMGET', levels, dimension, dimension .. ':at', 'born')
  local level, at = tonumber(known[1]) or 0, tonumber(known[2] or known[3])
  if at > now then  -- the clock was set back: from here on it counts again, also when this call is denied
    at = now
    redis.call('HSET', levels, dimension .. ':at', now)
  end
  return math.min(ceiling, level + (now - at) * per_ms)
end

local function keep(dimension, level)
  redis.call('HSET', levels, dimension, string.format('%.6f', level), dimension .. ':at', now)
end

-- acquire: permit, longest wait (ms), permit's life (ms), most in flight, then triples: dimension, per minute, cost
local function acquire()
  if redis.call('HEXISTS', levels, 'born') == 0 then
    return {'cold', 0, ''}
  end
  local permit, longest, life, most = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
  local cooling = (tonumber(redis.call('HGET', levels, 'cool_until')) or 0) - now
  if cooling > 0 then
    return {'denied', cooling, 'cool_down'}
  end
  redis.call('ZREMRANGEBYSCORE', flight, '-inf', now)
  if redis.call('ZCARD', flight) >= most then
    return {'denied', 0, 'in_flight'}
  end
  local wait, slowest, after = 0, '', {}
  for i = 6, #ARGV, 3 do
    local dimension, per_ms, cost = ARGV[i], tonumber(ARGV[i + 1]) / 60000, tonumber(ARGV[i + 2])
    local left = level_of(dimension, per_ms, math.max(per_ms * 500, cost)) - cost
    after[dimension] = left
    if -left / per_ms > wait then
      wait, slowest = math.ceil(-left / per_ms), dimension
    end
  end
  if wait > longest then
    return {'denied', wait, slowest}
  end
  for dimension, left in pairs(after) do
    keep(dimension, left)
  end
  redis.call('ZADD', flight, now + wait + life, permit)
  return {'admitted', wait, slowest}
end

-- refund: permit, then triples: dimension, per minute, cost. What was not sent is given back.
local function refund()
  if redis.call('ZREM', flight, ARGV[2]) == 1 then
    for i = 3, #ARGV, 3 do
      local per_ms, cost = tonumber(ARGV[i + 1]) / 60000, tonumber(ARGV[i + 2])
      local ceiling = math.max(per_ms * 500, cost)
      keep(ARGV[i], math.min(ceiling, level_of(ARGV[i], per_ms, ceiling) + cost))
    end
  end
  return {'refunded', 0, ''}
end

-- renew: permit's life (ms), then permits
local function renew()
  for i = 3, #ARGV do
    redis.call('ZADD', flight, 'XX', now + tonumber(ARGV[2]), ARGV[i])
  end
  return {'renewed', 0, ''}
end

-- seed: permit's life (ms), then permits. A limiter that remembers nothing starts empty, and with the calls that run.
local function seed()
  if redis.call('HSETNX', levels, 'born', now) == 1 then
    for i = 3, #ARGV do
      redis.call('ZADD', flight, now + tonumber(ARGV[2]), ARGV[i])
    end
  end
  return {'seeded', 0, ''}
end

-- cool: for so long (ms). No permit before then; a longer cool-down stays.
local function cool()
  local known = tonumber(redis.call('HGET', levels, 'cool_until')) or 0
  redis.call('HSET', levels, 'cool_until', math.max(known, now + tonumber(ARGV[2])))
  return {'cooled', 0, ''}
end

local actions = {acquire = acquire, refund = refund, renew = renew, seed = seed, cool = cool}
return actions[ARGV[1]]()
