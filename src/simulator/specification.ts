import type { Market } from '../exchanges/index.ts';

/** What the model must know of an instrument to trade it. */
export interface SymbolSpecification {
  readonly name: string;
  readonly base: string;
  readonly quote: string;
  /** Least price step, decimal text. */
  readonly tickSize: string;
  /** Least amount step, decimal text. */
  readonly lotSize: string;
  /** Where the price starts and what it keeps returning to. */
  readonly price: number;
  /** Median amount of an order, in the unit of amounts. */
  readonly typicalAmount: number;
}

interface Asset {
  readonly base: string;
  readonly price: number;
  readonly tickSize: string;
  readonly lotSize: string;
}

const ASSETS: readonly Asset[] = [
  { base: 'BTC', price: 64_000, tickSize: '0.01', lotSize: '0.00001' },
  { base: 'ETH', price: 3_400, tickSize: '0.01', lotSize: '0.0001' },
  { base: 'SOL', price: 152, tickSize: '0.001', lotSize: '0.001' },
  { base: 'XRP', price: 0.58, tickSize: '0.00001', lotSize: '0.1' },
  { base: 'DOGE', price: 0.125, tickSize: '0.000001', lotSize: '1' },
];

/** Median worth of an order in quote currency. */
const ORDER_WORTH = 4000;

/** Cheaper assets have no options here: their strikes would need decimals. */
const OPTIONS_PRICE_LEAST = 100;

const QUOTES = /(USDT|USDC|BUSD|UST|USD|EUR)/;

/** How a market's symbols are spelled and measured, told by its example and its own name (never by its exchange). */
interface Style {
  readonly is: (market: Market) => boolean;
  readonly specify: (asset: Asset, example: string) => SymbolSpecification[];
}

const STYLES: readonly Style[] = [
  // Options, `BTC-27MAR26-70000-P-USDT`: calls and puts, with the strike in proportion to the asset's price.
  { is: ({ example }) => /-\d+-[CP](-|$)/.test(example), specify: options },
  // Contracts of one dollar: whole amounts.
  {
    is: ({ name }) => name === 'inverse' || name === 'coinm',
    specify: (asset, example) => [
      { ...plain(asset, example), lotSize: '1', typicalAmount: ORDER_WORTH / 100 },
    ],
  },
  // `tBTCUSD`: prices have five significant digits (protocols/bitfinex.md, `prec` P0).
  {
    is: ({ example }) => /^t[A-Z]/.test(example),
    specify: (asset, example) => [{ ...plain(asset, example), tickSize: fiveDigits(asset.price) }],
  },
  { is: () => true, specify: (asset, example) => [plain(asset, example)] },
];

/**
 * The instruments simulated for a market: its example, and the same name with other base assets in place of BTC
 * (`BTCUSDT`: `ETHUSDT`, `SOLUSDT`, ...; `tBTCF0:USTF0`: `tETHF0:USTF0`, ...).
 */
export function specifySymbols(market: Market): SymbolSpecification[] {
  const style = STYLES.find(({ is }) => is(market));
  const specified = ASSETS.flatMap((asset) => style?.specify(asset, market.example) ?? []);
  const names = new Set<string>();
  return specified.filter(({ name }) => !names.has(name) && names.add(name));
}

function plain(asset: Asset, example: string): SymbolSpecification {
  const { base, price, tickSize, lotSize } = asset;
  const name = example.replace('BTC', base);
  const quote = QUOTES.exec(name.replace(base, ''))?.[0] ?? 'USDT';
  return { name, base, quote, tickSize, lotSize, price, typicalAmount: ORDER_WORTH / price };
}

function options(asset: Asset, example: string): SymbolSpecification[] {
  if (asset.price < OPTIONS_PRICE_LEAST) return [];
  const btc = ASSETS[0]?.price ?? asset.price;
  const named = plain(asset, example);
  return ['C', 'P'].map((kind) => {
    const name = named.name.replace(/-(\d+)-[CP](?=-|$)/, (_, strike: string) => {
      const scaled = Number((Number(strike) * (asset.price / btc)).toPrecision(2));
      return `-${asset.base === 'BTC' ? strike : scaled}-${kind}`;
    });
    // An option is worth some per cent of its asset; the tick follows, so that the book has room for its levels.
    const price = asset.price * (kind === 'C' ? 0.06 : 0.04);
    const tickSize = fiveDigits(price);
    return { ...named, name, price, tickSize, lotSize: '0.01', typicalAmount: 2 };
  });
}

/** The step that gives a price five significant digits: `1` of 64000, `0.01` of 152. */
function fiveDigits(price: number): string {
  const decimals = Math.max(0, 4 - Math.floor(Math.log10(price)));
  return decimals === 0 ? '1' : `0.${'1'.padStart(decimals, '0')}`;
}
