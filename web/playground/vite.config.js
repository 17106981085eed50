import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { defineConfig } from 'vite';

// The packages whose code or fonts went into the bundle: folder of each.
const packages = new Set();
const packageOf = (file) => {
  let dir = dirname(file);
  while (!existsSync(join(dir, 'package.json')) || !JSON.parse(readFileSync(join(dir, 'package.json'))).version) dir = dirname(dir);
  return dir;
};
const collect = () => ({
  name: 'collect',
  load(id) {
    const file = id.replace(/^\0/, '').split('?')[0];
    if (file.includes('/node_modules/') && existsSync(file)) packages.add(packageOf(file));
  },
});

const mit = readFileSync('node_modules/react/LICENSE', 'utf8').replace(/^[^]*?(?=Permission is)/, '').trim();

// Their licences and notices as one text; packages with the same text are listed together.
const notices = () => {
  const texts = new Map();
  for (const dir of [...packages].sort()) {
    const { name, version, license, author, repository } = JSON.parse(readFileSync(join(dir, 'package.json')));
    const files = readdirSync(dir).filter((f) => /^(licen[cs]e|(third-?party)?-?notices?|copying|copyrightnotice)/i.test(f)).sort();
    const text = files.map((f) => readFileSync(join(dir, f), 'utf8').replace(/\r/g, '').trim()).join('\n\n') || `${[author?.name ?? author, repository?.url ?? repository].filter(Boolean).join(', ')}\n(The package holds no licence text; it declares ${license}.)${license === 'MIT' ? '\n\n' + mit : ''}`;
    texts.set(text, [...(texts.get(text) ?? []), `${name} ${version} (${license})`]);
  }
  return 'The playground is built from these packages.\n' + [...texts].map(([text, names]) => `\n${'='.repeat(80)}\n${[...new Set(names)].join('\n')}\n${'-'.repeat(80)}\n${text}\n`).join('');
};

// dist/ is committed and embedded: only the compressed copy of each file is kept, the server unpacks it for the few who ask.
const finish = () => ({
  name: 'finish',
  closeBundle() {
    for (const name of readdirSync('dist/assets').filter((f) => !f.endsWith('.woff2'))) {
      const file = join('dist/assets', name);
      writeFileSync(file + '.gz', gzipSync(readFileSync(file), { level: 9 }));
      rmSync(file);
    }
    // Fonts that the page's style names pass by no hook of ours.
    for (const font of ['fira-code', 'roboto']) packages.add(join('node_modules/@fontsource', font));
    writeFileSync('dist/NOTICE.txt', notices());
  },
});

export default defineConfig({
  base: '/playground/',
  build: { target: 'es2022', assetsInlineLimit: 0, chunkSizeWarningLimit: 5000, rolldownOptions: { checks: { moduleLevelDirective: false } } },
  plugins: [collect(), finish()],
  worker: { format: 'es', plugins: () => [collect()] },
});
