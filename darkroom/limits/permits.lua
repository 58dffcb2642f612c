-- Permits: who may call now, who later, and what stands in the way.

-- The circuit: open for a span after much trouble, then one probe at a time until one comes back fine.
local function blocked_by_circuit(permit)
  local opened = redis.call('HMGET', levels, 'circuit:until', 'circuit:probe', 'circuit:probe_until')
  local till, probe, probe_until = tonumber(opened[1]), opened[2], tonumber(opened[3])
  if not till then
    return nil
  elseif till > now then
    return till - now
  elseif probe and probe ~= permit and probe_until > now then
    return 1000
  end
  return nil
end

local function open_circuit()
  local span = math.min((number_of('circuit:span') or FIRST_SPAN / 2) * 2, LONGEST_SPAN)
  redis.call('HSET', levels, 'circuit:span', span, 'circuit:until', now + span)
  redis.call('HDEL', levels, 'circuit:probe', 'circuit:probe_until')
end

local function close_circuit()
  redis.call('HDEL', levels, 'circuit:span', 'circuit:until', 'circuit:probe', 'circuit:probe_until')
end

local function cooling_of(dimension)
  return (number_of('cool:' .. dimension) or 0) - now
end

local function cool_down(dimension, span)
  local known = number_of('cool:' .. dimension) or 0
  redis.call('HSET', levels, 'cool:' .. dimension, math.max(known, now + span))
end

-- One dimension of a call: what it costs, at which rate, what would be left of it, and the most that ever could be.
local function reckon(dimension, limit, cost)
  local per_ms = limit / 60000
  local ceiling = math.max(per_ms * 500, cost)
  local left, wait = level_of(dimension, per_ms, ceiling) - cost, 0
  if left < 0 then
    wait = math.ceil(-left / per_ms)
  end
  return {dimension = dimension, per_ms = per_ms, cost = cost, left = left, wait = wait, most = ceiling - cost}
end

local function reckon_all()
  local reckoned, known, units = {}, nil, 1
  for i = 7, #ARGV, 3 do
    local dimension, cost = ARGV[i], tonumber(ARGV[i + 2])
    local limit = limit_of(dimension, tonumber(ARGV[i + 1]))
    if limit then
      table.insert(reckoned, reckon(dimension, limit, cost))
    end
    if dimension == 'images' or dimension == 'requests' then
      units = math.max(units, cost)
      known = limit and math.min(known or limit, limit) or known
    end
  end
  local pace = pace_of(known)
  if pace then
    table.insert(reckoned, reckon('pace', pace, units))
  end
  return reckoned
end

local function slowest_of(reckoned)
  local wait, slowest = 0, nil
  for _, one in ipairs(reckoned) do
    if one.wait > wait then
      wait, slowest = one.wait, one
    end
  end
  return wait, slowest
end

-- The call goes out after `wait`, for the slowest of its dimensions: the others save up nothing meanwhile but what
-- they may hold, else their calls would bunch behind it.
local function pay(permit, reckoned, wait)
  for _, one in ipairs(reckoned) do
    keep(one.dimension, math.min(one.left, one.most - wait * one.per_ms))
  end
  redis.call('HSET', levels, 'last', permit)
  count('out')
end

-- While a limit is searched for nobody is promised much: what the next refusal teaches comes too late for a promise.
local function patience(longest)
  if redis.call('HEXISTS', levels, 'searching') == 1 then
    return math.min(longest, SEARCH_PROMISE)
  end
  return longest
end

local function admit(permit, wait, life, dimension)
  redis.call('ZADD', flight, now + wait + life, permit)
  if redis.call('HEXISTS', levels, 'circuit:until') == 1 then
    redis.call('HSET', levels, 'circuit:probe', permit, 'circuit:probe_until', now + wait + life)
  end
  return {'admitted', wait, dimension}
end

-- A place that was paid for: nil if this job has none, or let it lapse.
local function by_place(permit, job, longest, life)
  local from = tonumber(redis.call('HGET', places, job))
  if not from then
    return nil
  end
  if from - now > longest then
    return {'denied', from - now, 'place'}
  end
  redis.call('HDEL', places, job)
  if now - from > life then
    return nil
  end
  return admit(permit, math.max(from - now, 0), life, 'place')
end

local function obstacle(permit)
  local open = blocked_by_circuit(permit)
  if open then
    return {'denied', open, 'circuit'}
  end
  local cooling = cooling_of('key')
  if cooling > 0 then
    return {'denied', cooling, 'cool_down'}
  end
  for i = 7, #ARGV, 3 do
    cooling = cooling_of(ARGV[i])
    if cooling > 0 then
      return {'denied', cooling, ARGV[i]}
    end
  end
  redis.call('ZREMRANGEBYSCORE', flight, '-inf', now)
  if redis.call('ZCARD', flight) >= tonumber(ARGV[6]) then
    return {'denied', 0, 'in_flight'}
  end
  return nil
end

-- acquire: permit, job, longest wait (ms), permit's life (ms), most in flight, then triples: dimension, per minute, cost
local function acquire()
  if redis.call('HEXISTS', levels, 'born') == 0 then
    return {'cold', 0, ''}
  end
  local permit, job, longest, life = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
  local placed = obstacle(permit) or by_place(permit, job, longest, life)
  if placed then
    return placed
  end
  local reckoned = reckon_all()
  local wait, slowest = slowest_of(reckoned)
  if slowest and slowest.dimension == 'pace' then
    quicken()
  end
  if wait <= patience(longest) then
    pay(permit, reckoned, wait)
    return admit(permit, wait, life, slowest and slowest.dimension or '')
  end
  if slowest.cost > 1 and slowest.cost > slowest.per_ms * longest and longest > 0 then
    pay(permit, reckoned, wait)
    redis.call('HSET', places, job, now + wait)
    redis.call('PEXPIRE', places, math.max(wait + life, redis.call('PTTL', places)))
  end
  return {'denied', wait, slowest.dimension}
end

-- release: permit
local function release()
  redis.call('ZREM', flight, ARGV[2])
  if redis.call('HGET', levels, 'circuit:probe') == ARGV[2] then
    redis.call('HDEL', levels, 'circuit:probe')
  end
  return {'released', 0, ''}
end

-- refund: permit, then triples: dimension, per minute, cost. What was not sent is given back, if nobody has paid
-- since: those who did have been told when to go, and what came back would be called beside them.
local function refund()
  if redis.call('ZREM', flight, ARGV[2]) == 1 and redis.call('HGET', levels, 'last') == ARGV[2] then
    redis.call('HDEL', levels, 'last')
    for i = 3, #ARGV, 3 do
      local limit, cost = limit_of(ARGV[i], tonumber(ARGV[i + 1])), tonumber(ARGV[i + 2])
      if limit then
        local per_ms = limit / 60000
        local ceiling = math.max(per_ms * 500, cost)
        keep(ARGV[i], math.min(ceiling, level_of(ARGV[i], per_ms, ceiling) + cost))
      end
    end
  end
  return {'refunded', 0, ''}
end

-- renew: permit's life (ms), then permits
local function renew()
  local till, probe = now + tonumber(ARGV[2]), redis.call('HGET', levels, 'circuit:probe')
  for i = 3, #ARGV do
    redis.call('ZADD', flight, 'XX', till, ARGV[i])
    if ARGV[i] == probe then
      redis.call('HSET', levels, 'circuit:probe_until', till)
    end
  end
  return {'renewed', 0, ''}
end

local function learn(dimension, limit)
  if dimension == 'pace' then
    set_pace(limit)
  else
    redis.call('HSET', levels, 'limit:' .. dimension, limit, 'limit:' .. dimension .. ':at', now)
  end
end

-- seed: permit's life (ms), number of limits known, pairs of dimension and limit, then permits. A limiter that
-- remembers nothing starts empty, with the calls that run and with what was learned before.
local function seed()
  if redis.call('HSETNX', levels, 'born', now) == 1 then
    local first = 4 + 2 * tonumber(ARGV[3])
    for i = 4, first - 1, 2 do
      learn(ARGV[i], tonumber(ARGV[i + 1]))
    end
    for i = first, #ARGV do
      redis.call('ZADD', flight, now + tonumber(ARGV[2]), ARGV[i])
    end
  end
  return {'seeded', 0, ''}
end

-- cool: for so long (ms). No permit before then; a longer cool-down stays.
local function cool()
  cool_down('key', tonumber(ARGV[2]))
  return {'cooled', 0, ''}
end
