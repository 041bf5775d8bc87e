/* The words that PyTorch, StudioGAN, TF-GAN and Keras, their examples and the programs made after them have for what
   the option table has, and what to do where something works otherwise here. */
#include "config/suggestion.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

typedef struct synonym {
  const char *words; /* in lower case, without "_" and "-", between blanks */
  const char *key;   /* NULL: none, the note says what to do */
  const char *note;
} synonym;

static const synonym keys[] = {
    {"lr learningrate lrate baselr initlr initiallr stepsize", "optimizer.learning_rate", NULL},
    {"glr lrg genlr lrgen generatorlr lrgenerator generatorlearningrate glearningrate", "generator.learning_rate",
     NULL},
    {"dlr lrd disclr lrdisc discriminatorlr lrdiscriminator criticlr lrcritic clr discriminatorlearningrate "
     "dlearningrate",
     "critic.learning_rate", NULL},
    {"epochs epoch nepochs numepochs nepoch niter maxepochs maxepoch totalepochs", "run.iterations",
     "counted in iterations: an epoch is samples / (train.batch * train.n_critic) of them"},
    {"steps numsteps nsteps totalsteps maxsteps maxnumberofsteps trainsteps trainingsteps numtrainsteps iters niters "
     "numiters "
     "maxiters maxiter iter numiterations niterations maxiterations totaliterations trainiterations",
     "run.iterations",
     "each is train.n_critic critic steps and one generator step, or one and k where n_critic is 1/k"},
    {"bs batchsize batchsizes globalbatch globalbatchsize trainbatchsize minibatch minibatchsize", "train.batch",
     "over all ranks"},
    {"batchgpu batchpergpu perdevicebatchsize perdevicetrainbatchsize batchperrank localbatchsize", "train.batch",
     "over all ranks together, not for each"},
    {"zdim nz latentdim latentsize latentdims dimz noisedim noisedims noisesize noiselength codesize zsize nzdim",
     "generator.latent", NULL},
    {"zprior zdistribution noisedistribution noisetype latentprior prior zdist", "generator.latent_distribution", NULL},
    {"ncritic criticiters citers diters dsteps numdsteps discsteps criticsteps dupdatesperstep dupdatespersteps "
     "dstepsperiter dstepspergstep nditers disciters discriminatorsteps criticiterations numcritic ndis",
     "train.n_critic", NULL},
    {"gsteps gupdatesperstep gstepsperiter giters generatorsteps", "train.n_critic",
     "k generator steps to each critic step are train.n_critic = 1/k"},
    {"clip clipvalue clipping weightclip weightclipping weightclippingbound wgancliplimit wcbound cliplimit cpweight "
     "clipbound clipparam clambda clamplower clampupper clamp",
     "critic.clip", NULL},
    {"clipnorm gradclip gradientclipping maxgradnorm gradientclip gradclipnorm gradnormclip globalclipnorm "
     "clipgradnorm "
     "gradientclipval maxnorm clipgrad",
     "critic.gradient_clip", "generator.gradient_clip is the generator's"},
    {"gp gplambda gplambdas lambdagp gpweight gradientpenalty gradientpenaltyweight lambda applygp penaltyweight",
     "critic.gradient_penalty", NULL},
    {"spectralnorm spectralnormalization spectralnormalisation specnorm sn usesn dsn applydsn usespectralnorm "
     "dspectralnorm",
     "critic.spectral_norm", NULL},
    {"gsn applygsn gspectralnorm", NULL, "in generator.layers, the word spectral_norm in a layer's line normalises it"},
    {"r1 r1lambda r1gamma r1weight applyr1reg", "critic.r1", NULL},
    {"r2 r2lambda r2gamma r2weight", "critic.r2", NULL},
    {"dreginterval lazyr1 lazyreg r1every r1interval", "critic.penalty_every", NULL},
    {"lecamlambda lecamratio applylecam lecamweight", "critic.lecam", NULL},
    {"beta1 b1 adambeta1 betaone", "optimizer.beta1", NULL},
    {"beta2 b2 adambeta2 betatwo", "optimizer.beta2", NULL},
    {"betas beta adambetas", NULL, "there are two keys, optimizer.beta1 and optimizer.beta2"},
    {"rho rmspropdecay rmspropalpha", "optimizer.alpha", NULL},
    {"momentum", "optimizer.momentum", NULL},
    {"eps epsilon adamepsilon adameps", "optimizer.epsilon", NULL},
    {"wd weightdecay l2 l2reg weightdecayrate decoupledweightdecay", "optimizer.weight_decay", NULL},
    {"optim opt optimizer optimiser optimizertype opttype optimname solver", "optimizer.name", NULL},
    {"scheduler lrscheduler lrschedule schedule lrpolicy lrdecay learningratedecay lrschedulertype decay",
     "optimizer.schedule", NULL},
    {"loss ganloss losstype lossfn lossfunction adv advloss ganmode gantype objective adversarialloss criterion",
     "loss.name", NULL},
    {"labelsmooth smoothing labelsmoothing onesidedlabelsmoothing smooth", "loss.label_smoothing", NULL},
    {"labelflip labelflips labelflipping fliplabels flipprob noisylabels labelnoise", "loss.label_flips", NULL},
    {"hingemargin margin", "loss.real_margin", "loss.fake_margin is that of generated samples"},
    {"sampleweights sampleweight eventweights weightfile", "data.weights", NULL},
    {"ema emadecay emabeta emarate emamomentum emacoeff modelema averagedecay swadecay applygema", "train.ema_decay",
     NULL},
    {"emastart emastartiter", NULL, "the average begins with the first iteration; train.ema_decay sets its decay"},
    {"g netg gen generatorarch generatornetwork generator gnet", "generator.layers", NULL},
    {"d netd disc discriminator discriminatornetwork critic dnet", "critic.layers", NULL},
    {"ngf ndf nc gconvdim dconvdim gch dch imagesize imgsize imsize img height width channels hiddendim hiddensize "
     "hidden dim nlayers numlayers model arch architecture backbone",
     NULL, "sizes are those of the layers: generator.layers and critic.layers, or a --preset"},
    {"init initializer initialization weightinit inittype kernelinitializer ginit", "generator.init",
     "critic.init is the critic's"},
    {"dinit", "critic.init", NULL},
    {"data dataroot datadir datapath dataset datasetpath datasetdir inputdir traindata traindir datafolder root",
     "data.path", "with data.source"},
    {"datatype datasetname datasource datasettype inputformat", "data.source", NULL},
    {"nsamples numsamples samplesize gensamples numimages nsample nimages numgenerated sampleimages", "samples.count",
     NULL},
    {"seed manualseed randomseed rngseed globalseed torchseed npseed", "run.seed", NULL},
    {"out outdir outf outputdir outputfolder logdir savedir rundir resultsdir resultdir modeldir expdir saveto ckptdir "
     "checkpointdir savepath checkpointpath",
     "run.dir", NULL},
    {"expname experiment experimentname runname jobname projectname", "run.name", NULL},
    {"saveevery savefreq saveinterval checkpointevery checkpointfreq checkpointinterval ckptevery ckptfreq "
     "ckptinterval savesteps saveperiod snap snapshotinterval savecheckpointssteps saveepochfreq",
     "checkpoint.every", NULL},
    {"keep keepcheckpointmax maxtokeep savetotallimit keeplast keepcheckpoints", "checkpoint.keep", NULL},
    {"sampleevery sampleinterval samplefreq sampleperiod visualizeevery imageinterval saveimagefreq", "samples.every",
     NULL},
    {"evalevery evalinterval evalfreq evalsteps validationfreq validevery metricinterval testevery", "eval.every",
     NULL},
    {"logevery loginterval logfreq printevery printfreq logsteps loggingsteps displayfreq logeverynsteps printinterval",
     "run.log_every", NULL},
    {"resumefrom resumefromcheckpoint load loadcheckpoint ckpt checkpoint restore continuetrain pretrained loadpath "
     "resumepath initfrom ckptpath",
     "run.resume", NULL},
    {"probability p augmentprobability augmentp augprob augp augmentprob augprobability", "augment.strength", NULL},
    {"ops operation augmentops augmentoperations augmentpipe augpipe policy diffaugpolicy augtypes augmentation "
     "augment "
     "diffaug diffaugment",
     "augment.operations", NULL},
    {"syncbn synchronizedbn synchronizedbatchnorm syncbatchnorm synchronizebn", "batch_norm.sync", NULL},
    {"bnmomentum", "batch_norm.momentum", NULL},
    {"bneps bnepsilon", "batch_norm.epsilon", NULL},
    {"amp fp16 bf16 mixedprecision mixed dtype halfprecision half mpt float16 bfloat16", "run.precision", NULL},
    {"np nprocs nproc nprocpernode numprocesses worldsize ranks gpus ngpu ngpus numgpus device devices cuda gpu nodes "
     "nnodes usecuda nogpu nocuda cpu accelerator strategy distributed ddp localrank backenddist",
     NULL, "it computes on CPU cores, one rank on each: mpirun -np RANKS gan_dist ..."},
    {"workers nworkers numworkers dataloaderworkers threads numthreads nthreads ncpu prefetch prefetchfactor", NULL,
     "nothing is to be set: each rank reads its next batch beside computing, and uses one thread"},
    {"shuffle droplast pinmemory", NULL, "nothing is to be set: data are shuffled in each epoch, and none are dropped"},
    {"wandb tensorboard usewandb logger tb", NULL,
     "what is measured is in the run's folder, metrics.h5: gan_dist inspect"},
    {"accumulate accumulationsteps gradientaccumulationsteps accumsteps acmlsteps accumulategradbatches numaccumulate "
     "gradientaccumulation gradaccum gradientaccumulate",
     "train.accumulate", "train.batch stays the whole batch of an update"},
};

/* What others call the sections. */
static const synonym sections[] = {
    {"generator g gen netg", "generator", NULL},
    {"critic d disc discriminator netd", "critic", NULL},
    {"optimizer optim optimiser opt optimization solver", "optimizer", NULL},
    {"train training trainer", "train", NULL},
    {"data dataset dataloader", "data", NULL},
    {"run runs experiment", "run", NULL},
    {"loss losses criterion", "loss", NULL},
    {"augment augmentation augmentations aug diffaug ada", "augment", NULL},
    {"batchnorm bn", "batch_norm", NULL},
    {"checkpoint checkpoints ckpt", "checkpoint", NULL},
    {"samples sample sampling", "samples", NULL},
    {"eval evaluation validation metrics", "eval", NULL},
    {"dist distributed", "dist", NULL},
    {"trace", "trace", NULL},
    {"shower showers", "shower", NULL},
};

enum { WORD = 64 };

/* In lower case, without "_" and "-"; "" for one that is too long to be a name. */
static void simplify(const char *from, size_t length, char *word) {
  size_t used = 0;
  for (size_t i = 0; i < length && used < WORD; i++)
    if (from[i] != '_' && from[i] != '-') word[used++] = (char)tolower((unsigned char)from[i]);
  word[used < WORD ? used : 0] = '\0';
}

static bool has_word(const char *words, const char *word) {
  const size_t length = strlen(word);
  for (const char *at = words; length && (at = strstr(at, word)); at += length)
    if ((at == words || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0')) return true;
  return false;
}

static const synonym *find(const synonym *table, size_t count, const char *word) {
  for (size_t i = 0; i < count; i++)
    if (has_word(table[i].words, word)) return &table[i];
  return NULL;
}

/* The option of this section whose last word is this one but for the way of writing. */
static const gan_option *option_in(const char *section, const char *last) {
  const size_t length = strlen(section);
  char word[WORD];
  for (int i = 0; i < gan_option_count; i++) {
    const char *key = gan_options[i].key;
    if (strncmp(key, section, length) != 0 || key[length] != '.') continue;
    simplify(key + length + 1, strlen(key + length + 1), word);
    if (strcmp(word, last) == 0) return &gan_options[i];
  }
  return NULL;
}

static bool is_network(const char *key) {
  return strncmp(key, "generator", strlen("generator")) == 0 || strncmp(key, "critic", strlen("critic")) == 0;
}

/* "generator", "lr": the generator's own learning rate. But "optimizer", "g_lr" is the generator's, too. */
static gan_suggestion renamed(const char *section, const char *word) {
  const synonym *row = find(keys, sizeof keys / sizeof *keys, word);
  const synonym *known = find(sections, sizeof sections / sizeof *sections, section);
  char last[WORD];
  gan_suggestion found = {.option = known ? option_in(known->key, word) : NULL, .renamed = true};
  if (found.option || !row) return found;
  found.note = row->note;
  if (!row->key) return found;
  const char *own = strchr(row->key, '.') + 1;
  simplify(own, strlen(own), last);
  if (known && (is_network(known->key) || !is_network(row->key))) found.option = option_in(known->key, last);
  if (!found.option) found.option = gan_option_find(row->key);
  return found;
}

static bool is_found(const gan_suggestion *found) { return found->option || found->note; }

gan_suggestion gan_suggest(const char *key) {
  const char *dot = strrchr(key, '.');
  char section[WORD] = "", word[WORD];
  if (dot) simplify(key, (size_t)(dot - key), section);
  simplify(dot ? dot + 1 : key, strlen(dot ? dot + 1 : key), word);
  const gan_suggestion found = renamed(section, word);
  if (is_found(&found)) return found;
  const char *nearest = gan_option_nearest(key);
  return (gan_suggestion){.option = nearest ? gan_option_find(nearest) : NULL};
}

gan_suggestion gan_suggest_for_variable(const char *name) {
  char section[WORD], word[WORD], key[2 * WORD];
  simplify(name, strlen(name), word);
  gan_suggestion found = renamed("", word);
  for (const char *end = name; !is_found(&found) && (end = strchr(end, '_')); end++) {
    simplify(name, (size_t)(end - name), section);
    simplify(end + 1, strlen(end + 1), word);
    if (find(sections, sizeof sections / sizeof *sections, section)) found = renamed(section, word);
  }
  if (is_found(&found)) return found;
  snprintf(key, sizeof key, "%s", name);
  for (char *letter = key; *letter; letter++) *letter = (char)tolower((unsigned char)*letter);
  const char *nearest = gan_option_nearest(key);
  return (gan_suggestion){.option = nearest ? gan_option_find(nearest) : NULL};
}

char *gan_suggestion_print(const gan_suggestion *suggestion, const char *name, char *text) {
  const char *note = suggestion->note;
  text[0] = '\0';
  if (suggestion->option && suggestion->renamed)
    snprintf(text, GAN_SUGGESTION_TEXT, "; here it is %s%s%s", name, note ? ", " : "", note ? note : "");
  else if (suggestion->option)
    snprintf(text, GAN_SUGGESTION_TEXT, "; did you mean %s?", name);
  else if (note)
    snprintf(text, GAN_SUGGESTION_TEXT, "; %s", note);
  return text;
}
