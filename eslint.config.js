import tseslint from 'typescript-eslint'

export const rules = tseslint.config(
  { ignores: ['dist/', 'data/', 'node_modules/', 'coverage/'] },
  {
    files: ['**/*.ts', '**/*.tsx', '**/*.js'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/require-await': 'off',
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true, named: true, defaultFrom: true } }],
    },
  },
  {
    // What browsers of ten years ago run, in the form that takes the fewest bytes.
    files: ['beacon/*.ts'],
    rules: {
      'no-var': 'off',
      'prefer-rest-params': 'off',
      'prefer-const': 'off',
      '@typescript-eslint/no-unused-expressions': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { caughtErrors: 'none' }],
      '@typescript-eslint/no-for-in-array': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
    },
  },
  {
    // The tools that read these files ask for a default export.
    files: ['*.config.js', '*.config.ts'],
    rules: { 'no-restricted-exports': 'off' },
  },
)

export default rules
