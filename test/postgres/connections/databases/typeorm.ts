import { DataSource } from 'typeorm';
import { fromTypeorm } from '../../recipes/typeorm.js';
import { type OpenDatabase, openDatabase } from './open-database.js';

export async function openTypeorm(url: string): Promise<OpenDatabase> {
  const source = new DataSource({ type: 'postgres', url, poolSize: 3, poolErrorHandler: () => {} });
  await source.initialize();
  return openDatabase(
    fromTypeorm(source),
    (work) => source.transaction(work),
    () => source.destroy(),
  );
}
