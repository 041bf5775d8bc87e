# What is around the losses and gradients: orders of updates, schedules, averages, several generator steps to a critic step.
. "$(dirname "$0")/support.sh"

# All schedules of one run.
moving=(--train.order=simultaneous --optimizer.name adamw --optimizer.learning_rate=0.002 --optimizer.beta1=0 --optimizer.beta2=0.9
  --optimizer.beta2_final=0.99 --optimizer.schedule cosine --optimizer.final_factor=0.25 --optimizer.warmup=3
  --optimizer.batch_scaling=sqrt --optimizer.reference_batch=6 --train.ema_decay=0 --train.ema_half_life=200
  --train.ema_half_life_final=60)

# same_at_any_np OPTIONS: the same bits on 1, 2, 3, 5 and 8 ranks, and on three hosts, of a run that ends there and of one that
# goes on after 4 of 9 iterations.
same_at_any_np() {
  local ranks options=("${tiny[@]}" --iterations 9 "$@")
  run 0 mpi 1 train "${options[@]}" --run.dir np1 || return 1
  for ranks in 2 3 5 8; do
    run 75 mpi "$ranks" train "${options[@]}" --run.dir np$ranks --run.stop_at=4 &&
      run 0 mpi $((9 - ranks)) train --run.dir np$ranks --resume && ! grep -q '^changed' out &&
      same_state "$(checkpoint_name np1 9)" "$(checkpoint_name np$ranks 9)" || return 1
  done
  GAN_PRETEND_HOSTS=3 run 0 mpi 5 train "${options[@]}" --reduction hierarchical --run.dir hosts &&
    same_state "$(checkpoint_name np1 9)" "$(checkpoint_name hosts 9)" &&
    same_state np1/metrics.h5 hosts/metrics.h5 /train/critic_gradient_norm /train/clipped_fraction /train/learning_rate_critic
}

test_simultaneous_updates_and_all_schedules_are_the_same_at_any_np_and_resumed() { same_at_any_np "${moving[@]}"; }
test_several_generator_steps_are_the_same_at_any_np_and_resumed() {
  same_at_any_np --train.n_critic=0.5 --train.warmup_iterations=2 --train.warmup_n_critic=3 --train.ema_decay=0.9 \
    --critic.layers="dense 16, dropout 0.2, leaky_relu 0.2, dense 1" --generator.layers="dense 16, batch_norm, relu, dense 2"
}
# Networks of several blocks of parameters, whose sums are on their way while the other network's backward pass goes on.
test_simultaneous_updates_of_larger_networks_are_the_same_on_several_hosts() {
  local options=("${tiny[@]}" --iterations 4 "${moving[@]}" --train.n_critic=1/3 --critic.clip=0.05 --generator.layers="dense 160, batch_norm, relu, dense 160, relu, dense 2"
    --critic.layers="dense 160, leaky_relu 0.2, batch_norm, dropout 0.1, dense 160, leaky_relu 0.2, dense 1" --trace-steps 12)
  run 0 mpi 1 train "${options[@]}" --run.dir np1 --trace np1.h5 || return 1
  GAN_PRETEND_HOSTS=3 run 0 mpi 8 train "${options[@]}" --reduction hierarchical --run.dir np8 --trace np8.h5 &&
    same_state np1/latest.h5 np8/latest.h5 && same_state np1.h5 np8.h5 /update_000000 /update_000001 /update_000002 /update_000011
}

# The generator's gradient of the Wasserstein loss by hand, -mean over z of d critic(G(z)) / d parameters, with the critic's
# parameters before and after its own step: only one of them is what the trace has.
write_gradient_py() {
  cat >gradient.py <<'P'
import sys, h5py, numpy
LATENT, WIDTH = 4, 16
def layers(flat, sizes):
    at, out = 0, []
    for inputs, outputs in sizes:
        out.append((flat[at:at + inputs * outputs].reshape(outputs, inputs), flat[at + inputs * outputs:at + inputs * outputs + outputs]))
        at += inputs * outputs + outputs
    assert at == len(flat)
    return out
def generator_gradient(generator, critic, z):
    (w1, b1), (w2, b2) = layers(generator, [(LATENT, WIDTH), (WIDTH, 2)])
    (v1, c1), (v2, c2) = layers(critic, [(2, WIDTH), (WIDTH, 1)])
    hidden = z @ w1.T + b1
    active = numpy.maximum(hidden, 0)
    inner = (active @ w2.T + b2) @ v1.T + c1
    to_sample = (numpy.where(inner > 0, 1, 0.2) * (-v2[0] / len(z))) @ v1
    to_hidden = to_sample @ w2 * (hidden > 0)
    return numpy.concatenate([(to_hidden.T @ z).ravel(), to_hidden.sum(0), (to_sample.T @ active).ravel(), to_sample.sum(0)])
def text(value): return value.decode() if isinstance(value, bytes) else value
found = []
with h5py.File(sys.argv[1]) as trace:
    now = {name: trace["initial/" + name][()].astype(float) for name in ("generator", "critic")}
    before = now["critic"]
    for name in sorted(key for key in trace if key.startswith("update_")):
        update = trace[name]
        network = text(update.attrs["network"])
        if network == "generator":
            gradient, z = update["gradient"][()].astype(float), update["z"][()].astype(float)
            off = [abs(gradient - generator_gradient(now["generator"], critic, z)).max() / abs(gradient).max()
                   for critic in (before, now["critic"])]
            found.append("before" if off[0] < 1e-5 and off[1] > 1e-3 else "after" if off[1] < 1e-5 and off[0] > 1e-3 else str(off))
        else:
            before = now["critic"]
        now[network] = update["parameters"][()].astype(float)
print(" ".join(found))
P
}
sees() { # sees EXPECTED OPTIONS: which critic the generator's steps have seen
  rm -rf run trace.h5
  write_gradient_py
  run 0 mpi 3 train "${tiny[@]}" --critic.clip=0 --optimizer.learning_rate=0.05 --iterations 2 --trace trace.h5 --trace-steps 30 \
    --run.dir run "${@:2}" && run 0 /usr/bin/python3 gradient.py trace.h5 && [ "$(cat out)" = "$1" ] || { note "not $1: $(cat out)"; return 1; }
}
test_the_generators_gradient_is_taken_at_the_critic_that_the_order_says() {
  sees "after after" --train.n_critic=2 && sees "before before" --train.n_critic=1 --train.order=simultaneous &&
    sees "before before" --train.n_critic=2 --train.order=simultaneous &&
    sees "before after before after" --train.n_critic=1/2 --train.order=simultaneous && sees "after after after after after after" --train.n_critic=1/3
}

test_several_generator_steps_have_latents_of_their_own_and_are_counted() {
  run 0 mpi 2 train "${tiny[@]}" --iterations 3 --train.n_critic=1/2 --train.warmup_iterations=1 --train.warmup_n_critic=2 --train.warmup_every=0 \
    --trace trace.h5 --trace-steps 9 --run.dir run && says run/config.ini '^n_critic = 1/2$' || return 1
  /usr/bin/python3 - <<'P' || return 1
import h5py, numpy
text = lambda value: value.decode() if isinstance(value, bytes) else value
with h5py.File("trace.h5") as trace:
    updates = [trace[name] for name in sorted(trace) if name.startswith("update_")]
    kinds = "".join(text(update.attrs["network"])[0] for update in updates)
    assert kinds == "ccg" + "cgg" * 2, kinds
    z = [update["z"][()] for update in updates]
    assert all((a != b).all() for i, a in enumerate(z) for b in z[:i])
with h5py.File("run/latest.h5") as checkpoint:
    assert (checkpoint.attrs["critic_steps"], checkpoint.attrs["generator_steps"]) == (4, 5)
P
  run 0 "$PROGRAM" config --train.n_critic=0.25 --json && grep -qF '"n_critic": "1\/4"' out || grep -qE '"n_critic": *"1/4"' out || { cat out; return 1; }
  run 0 "$PROGRAM" config --train.n_critic=3 --json && grep -qE '"n_critic": *3\b' out &&
    run 0 mpi 2 benchmark -n 2 "${tiny[@]:0:3}" --batch 12 --train.n_critic=1/3 --json &&
    /usr/bin/python3 -c "
import json
d = json.load(open('out'))
assert (d['critic_steps'], d['generator_steps']) == (1, 3)"
}

# Every update of both networks by PyTorch's formulas (torch.optim.AdamW; the corrections by the betas of the step), with rates
# and betas of the configuration: warm-up, half a cosine, root of the batch.
test_a_weight_decay_that_an_optimiser_brings_is_told_when_it_changes() {
  run 75 "$PROGRAM" train "${tiny[@]}" --iterations 4 --optimizer.name adamw --run.stop_at=2 --run.dir run &&
    run 0 "$PROGRAM" train --resume --optimizer.name adam --run.dir run && says out '^changed .*optimizer.name: adamw -> adam; optimizer.weight_decay \(auto\): 0.01 -> 0'
}
test_updates_are_those_of_adamw_with_the_scheduled_rates_and_betas() {
  run 0 mpi 3 train "${tiny[@]}" "${moving[@]}" --optimizer.weight_decay=0.1 --train.n_critic=2 --critic.clip=0 --iterations 8 \
    --trace trace.h5 --trace-steps 24 --run.dir run &&
    says out 'learning rates are for a batch of 6; with one of 24 they are 2 times as large \(sqrt\): generator 0.004, critic 0.004' || return 1
  /usr/bin/python3 - <<'P'
import h5py, numpy
text = lambda value: value.decode() if isinstance(value, bytes) else value
half_cosine = lambda start, end, share: end + (start - end) * (1 + numpy.cos(numpy.pi * share)) / 2
with h5py.File("trace.h5") as trace, h5py.File("run/metrics.h5") as metrics:
    state = {name: [trace["initial/" + name][()].astype(float), 0.0, 0.0, 0] for name in ("generator", "critic")}
    for name in sorted(trace):
        if not name.startswith("update_"): continue
        update = trace[name]
        network, iteration = text(update.attrs["network"]), int(update.attrs["iteration"])
        rate = 0.002 * (24 / 6) ** 0.5 * half_cosine(1, 0.25, iteration / 8) * min(1, (iteration + 1) / 3)
        assert abs(metrics["train/learning_rate_" + network][iteration] / rate - 1) < 1e-12
        beta1, beta2 = 0.0, half_cosine(0.9, 0.99, iteration / 8)
        p, m, v, step = state[network]
        g = update["gradient"][()].astype(float)
        step += 1
        p = p * (1 - rate * 0.1)
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        p = p - rate * (m / (1 - beta1 ** step)) / (numpy.sqrt(v) / (1 - beta2 ** step) ** 0.5 + 1e-8)
        got = update["parameters"][()]
        assert abs(got - p).max() < 2e-6, (name, abs(got - p).max())
        state[network] = [got.astype(float), m, v, step]
P
}

# The average by hand, over one iteration of 24 samples: with a half-life of 48 samples, and of a tenth of the 4 * 24 before.
test_an_average_has_its_half_life_in_samples() {
  local warmup keeps
  while read -r warmup keeps; do
    rm -rf run
    run 75 mpi 2 train "${tiny[@]}" --iterations 8 --train.ema_half_life=48 --train.ema_warmup=$warmup --run.dir run \
      --run.stop_at=4 --checkpoint.every=1 </dev/null && run 75 mpi 3 train --run.dir run --resume --run.stop_at=5 </dev/null || return 1
    /usr/bin/python3 -c "
import h5py, numpy
before, after = h5py.File('run/checkpoint-0000004.h5'), h5py.File('run/checkpoint-0000005.h5')
for name in ('0.weight', '0.bias', '2.weight', '2.bias'):
    old, new = before['ema/' + name][()].astype(float), after['generator/' + name][()]
    assert (old != new).any()
    assert numpy.allclose(after['ema/' + name][()], $keeps * old + (1 - $keeps) * new, rtol=1e-5, atol=1e-8), name" || return 1
  done <<<"0 0.5**(24/48)
0.1 0.5**(24/9.6)"
}

test_a_longer_run_tells_of_what_jumps() {
  run 75 mpi 2 train "${tiny[@]}" "${moving[@]}" --optimizer.schedule constant --optimizer.final_factor=0.01 --optimizer.warmup=0 --iterations 8 --run.dir run --run.stop_at=4 &&
    run 75 mpi 1 train --run.dir run --resume --iterations 16 --run.stop_at=5 || return 1
  # From 3/8 of the way, cos 67.5 degrees, to a quarter, cos 45 degrees.
  says out '^changed since then, .*: run\.iterations: 8 -> 16; beta2 of an iteration: 0\.928 -> 0\.913; half-life of the average of an iteration: 157 -> 179$'
}

test_contradictions_are_refused() {
  refuses() { run 2 "$PROGRAM" train "${tiny[@]}" "${@:2}" && one_message && says err "$1"; }
  refuses 'ema_decay and train.ema_half_life both' --train.ema_decay=0.9 --train.ema_half_life=100 &&
    refuses 'ema_half_life' --train.ema_decay=0 --train.ema_half_life_final=100 &&
    refuses 'beta2_final' --optimizer.name rmsprop --optimizer.beta2_final=0.9 &&
    refuses 'needs optimizer.reference_batch' --optimizer.batch_scaling=linear &&
    refuses 'batch_scaling' --optimizer.reference_batch=64 && refuses 'train.n_critic has to be' --train.n_critic=0.4 &&
    refuses 'train.n_critic has to be' --train.n_critic=0 && refuses 'train.n_critic' --train.n_critic=2/3 &&
    refuses 'train.n_critic has to be' --train.n_critic=1/0 && refuses 'did you mean simultaneous' --train.order=simultanous &&
    run 2 "$PROGRAM" config --memory --train.ema_decay=0.9 --train.ema_half_life=100 && one_message && [ ! -e runs ]
}

run_tests
